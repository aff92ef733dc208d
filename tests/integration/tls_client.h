// TlsClient: what a test has to say to a TLS port of 127.0.0.1. Waits for 5 s at most at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/fakes/http_client.h"

namespace kvmtsc::integration {

struct TlsClientOptions {
  std::string ca_file;                // the server's certificate has to be of it, and for 127.0.0.1
  std::string certificate_file = {};  // empty for none
  std::string key_file = {};
  int version = 0;           // TLS1_2_VERSION and so on; 0 for whatever both know
  std::string ciphers = {};  // OpenSSL's list for TLS 1.2 and older; empty for its own
  std::string groups = {};   // OpenSSL's list; empty for its own
};

class TlsConnection {
 public:
  TlsConnection(UniqueFd fd, std::shared_ptr<SSL> tls) : fd_(std::move(fd)), tls_(std::move(tls)) {}
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  bool send(std::string_view bytes);
  // All there is until the server closes; an error with OpenSSL's reason where it ends otherwise.
  Result<std::string> receive_all();
  // Whether the server closes, or ends it with an alert, within that time; data is dropped.
  bool closed_within(std::chrono::milliseconds timeout);

  // The common name on the server's certificate.
  std::string server_name() const;
  bool resumed() const;
  std::string cipher() const;  // that was agreed on, in OpenSSL's name

 private:
  UniqueFd fd_;
  std::shared_ptr<SSL> tls_;
};

// Any thread.
class TlsClient {
 public:
  // An error when one of the files cannot be used.
  static Result<TlsClient> make(const TlsClientOptions& options);

  // After the handshake. With TLS 1.3 a server that refuses the client's certificate says so later.
  // The session of the connection before is offered again, as browsers and libraries do.
  Result<std::unique_ptr<TlsConnection>> connect(std::uint16_t port) const;

  // One request on a connection of its own, "Connection: close".
  Result<fakes::HttpReply> request(std::uint16_t port, std::string_view method,
                                   std::string_view target, const fakes::Headers& headers = {},
                                   std::string_view body = {}) const;
  Result<fakes::HttpReply> get(std::uint16_t port, std::string_view target,
                               const fakes::Headers& headers = {}) const {
    return request(port, "GET", target, headers);
  }

 private:
  struct Session;
  TlsClient() = default;

  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<Session> last_;
};

}  // namespace kvmtsc::integration
