/* CivetWeb, and the one thing it does not tell: the socket of a connection, whose peer the kernel
 * can name (unix(7), SO_PEERCRED). Its structures are private to its source file, so this is that
 * file. */
#include "civetweb.c"

int kvm_tsc_connection_socket(const struct mg_connection *connection);

int kvm_tsc_connection_socket(const struct mg_connection *connection) {
  return connection->client.sock;
}
