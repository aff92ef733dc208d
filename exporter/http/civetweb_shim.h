// The few things the server needs from CivetWeb that its interface does not offer. Implemented in C
// inside CivetWeb's own translation unit; only server.cc and request_head.cc include this.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

struct mg_context;
struct mg_connection;

// To be CivetWeb's init_context callback: takes its (unbound) listening socket away, so that from
// then on connections come through kvmtsc_civetweb_submit alone.
void kvmtsc_civetweb_drop_listeners(const struct mg_context* context);

// Queues a connected, non-blocking socket for CivetWeb's workers, which own it from then on until
// kvmtsc_civetweb_release or until they close it. At most as many as there are workers may be
// queued or in work at one time; then this never waits. Any thread.
void kvmtsc_civetweb_submit(struct mg_context* context, int fd);

// Takes the socket back; CivetWeb will not close it. In the connection_close callback only.
int kvmtsc_civetweb_release(struct mg_connection* connection);

// The socket, still CivetWeb's.
int kvmtsc_civetweb_fd(const struct mg_connection* connection);

// Whether CivetWeb has read bytes that follow the current request (a pipelined one).
int kvmtsc_civetweb_has_surplus(const struct mg_connection* connection);

// Bytes of the request head at the start of `data`, its empty line included; 0 when it is not yet
// complete, -1 when it can never be one. The same function CivetWeb itself decides by.
int kvmtsc_civetweb_head_length(const char* data, int length);

#ifdef __cplusplus
}
#endif
