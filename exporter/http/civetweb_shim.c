// CivetWeb as one translation unit, with what civetweb_shim.h adds. See
// docs/adr/0003-civetweb-from-source.md for why connections are handed to it.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/socket.h>

// CivetWeb does not start without a listening socket. It gets one that is bound to nothing: no
// address and no port is open before ours are, nor beside them.
static int bind_nothing(int fd, const struct sockaddr* address, socklen_t length) {
  (void)fd;
  (void)address;
  (void)length;
  return 0;
}
static int listen_to_nobody(int fd, int backlog) {
  (void)fd;
  (void)backlog;
  return 0;
}
#define bind bind_nothing
#define listen listen_to_nobody

#include "civetweb.c"

#undef bind
#undef listen

#include "civetweb_shim.h"

void kvmtsc_civetweb_drop_listeners(const struct mg_context* context) {
  // init_context runs before any thread of this context exists.
  struct mg_context* writable = (struct mg_context*)context;
  close_all_listening_sockets(writable);
  writable->num_listening_sockets = 0;
}

void kvmtsc_civetweb_submit(struct mg_context* context, int fd) {
  struct socket so;
  memset(&so, 0, sizeof(so));
  so.sock = fd;
  socklen_t length = sizeof(so.rsa);
  (void)getpeername(fd, &so.rsa.sa, &length);
  length = sizeof(so.lsa);
  (void)getsockname(fd, &so.lsa.sa, &length);
  produce_socket(context, &so);
}

int kvmtsc_civetweb_release(struct mg_connection* connection) {
  const int fd = connection->client.sock;
  connection->client.sock = INVALID_SOCKET;
  return fd;
}

int kvmtsc_civetweb_fd(const struct mg_connection* connection) {
  return connection->client.sock;
}

int kvmtsc_civetweb_has_surplus(const struct mg_connection* connection) {
  return connection->data_len > connection->request_len + connection->content_len;
}

int kvmtsc_civetweb_head_length(const char* data, int length) {
  return get_http_header_len(data, length);
}
