/* CivetWeb, and the three things it has no seam for. Its structures are private to its source file, so
 * this is that file.
 *
 * The socket of a connection, whose peer the kernel can name (unix(7), SO_PEERCRED).
 *
 * Whether a connection goes on after this response, which the response has to say.
 *
 * An answer to those who speak plain HTTP to a port that speaks TLS: CivetWeb ends such a
 * connection without a word. OpenSSL has recognised the request by then (SSL_R_HTTP_REQUEST) and sent
 * no alert, so that the socket can still be written to. */
#define _GNU_SOURCE /* as civetweb.c does, before the first header */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define HTTPS_PROBLEM                                                                    \
  "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"                  \
  "\"detail\":\"This port speaks HTTPS: ask it with https:// instead of http://.\"}\n"

/* Closing a socket with unread bytes resets the connection, and the answer may be lost with it: so
 * what the client still sends is read, for as long as an honest one needs. */
static void read_the_rest(int socket) {
  char ignored[4096];
  int reads;
  struct pollfd readable = {socket, POLLIN, 0};
  for (reads = 0; reads < 16; ++reads) {
    if (poll(&readable, 1, 100) <= 0 || recv(socket, ignored, sizeof(ignored), MSG_DONTWAIT) <= 0) {
      return;
    }
  }
}

static int accept_or_explain(SSL *ssl) {
  const int result = SSL_accept(ssl);
  if (result != 1 && SSL_get_error(ssl, result) == SSL_ERROR_SSL) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST) {
      char answer[512];
      const int size = snprintf(answer, sizeof(answer),
                                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"
                                "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                                sizeof(HTTPS_PROBLEM) - 1, HTTPS_PROBLEM);
      /* A fresh connection takes so little at once. */
      (void)!send(SSL_get_fd(ssl), answer, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
      shutdown(SSL_get_fd(ssl), SHUT_WR);
      read_the_rest(SSL_get_fd(ssl));
    }
  }
  return result;
}

#define SSL_accept accept_or_explain
#include "civetweb.c"
#undef SSL_accept

int kvm_tsc_connection_socket(const struct mg_connection *connection);

int kvm_tsc_connection_socket(const struct mg_connection *connection) {
  return connection->client.sock;
}

int kvm_tsc_keeps_alive(const struct mg_connection *connection);

int kvm_tsc_keeps_alive(const struct mg_connection *connection) {
  return should_keep_alive(connection);
}
