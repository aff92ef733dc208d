#include "tests/integration/tls_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <mutex>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/parse.h"

namespace kvmtsc::integration {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};

Error tls_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* const reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return Error{ErrorKind::kIo, what + ": " + (reason == nullptr ? "the connection ended" : reason),
               ""};
}

void set_patience(int fd, milliseconds patience) {
  const timeval time{patience.count() / 1000, patience.count() % 1000 * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

Result<fakes::HttpReply> parse_reply(const std::string& text) {
  const auto head_end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || head_end == std::string::npos) {
    return Error{ErrorKind::kInvalid, "no answer of HTTP: \"" + text + "\"", ""};
  }
  fakes::HttpReply reply;
  reply.status = static_cast<int>(parse_u32(text.substr(9, 3)).value_or(0));
  for (auto line = text.find("\r\n") + 2; line < head_end;) {
    const auto end = text.find("\r\n", line);
    const auto colon = text.find(": ", line);
    reply.headers.emplace_back(text.substr(line, colon - line),
                               text.substr(colon + 2, end - colon - 2));
    line = end + 2;
  }
  reply.body = text.substr(head_end + 4);
  return reply;
}

}  // namespace

// Where OpenSSL leaves the newest session. Its address is known to the context's callback.
struct TlsClient::Session {
  std::mutex mutex;
  std::shared_ptr<SSL_SESSION> value;  // guarded by mutex

  std::shared_ptr<SSL_SESSION> get() {
    const std::lock_guard lock(mutex);
    return value;
  }
  static int keep(SSL* tls, SSL_SESSION* session) {
    auto* const self = static_cast<Session*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
    const std::lock_guard lock(self->mutex);
    self->value.reset(session, SSL_SESSION_free);
    return 1;  // it is ours now
  }
};

Result<TlsClient> TlsClient::make(const TlsClientOptions& options) {
  TlsClient client;
  client.context_.reset(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  client.last_ = std::make_shared<Session>();
  SSL_CTX* const context = client.context_.get();
  // The versions of old have to be offered by the client for the server to refuse them.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, options.version);
  SSL_CTX_set_max_proto_version(context, options.version);
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
    return tls_error(options.ciphers);
  }
  if (!options.groups.empty() && SSL_CTX_set1_groups_list(context, options.groups.c_str()) != 1) {
    return tls_error(options.groups);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), "127.0.0.1");
  SSL_CTX_set_app_data(context, client.last_.get());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &Session::keep);
  if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
    return tls_error(options.ca_file);
  }
  const std::string& certificate = options.certificate_file;
  if (!certificate.empty() &&
      (SSL_CTX_use_certificate_file(context, certificate.c_str(), SSL_FILETYPE_PEM) != 1 ||
       SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return tls_error(certificate);
  }
  return client;
}

Result<std::unique_ptr<TlsConnection>> TlsClient::connect(std::uint16_t port) const {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  set_patience(fd.get(), kPatience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return errno_error(errno, "connecting");
  }
  const std::shared_ptr<SSL> tls(SSL_new(context_.get()), SSL_free);
  SSL_set_fd(tls.get(), fd.get());
  if (const auto session = last_->get()) {
    SSL_set_session(tls.get(), session.get());
  }
  if (SSL_connect(tls.get()) != 1) {
    return tls_error("handshake");
  }
  return std::make_unique<TlsConnection>(std::move(fd), tls);
}

Result<fakes::HttpReply> TlsClient::request(std::uint16_t port, std::string_view method,
                                            std::string_view target, const fakes::Headers& headers,
                                            std::string_view body) const {
  const auto connection = connect(port);
  if (!connection) {
    return connection.error();
  }
  std::string text = std::string(method) + " " + std::string(target) +
                     " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) {
    text += name + ": " + value + "\r\n";
  }
  if (!body.empty() || method != "GET") {
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  // A server may refuse before it has read everything; its answer counts all the same.
  (*connection)->send(text + "\r\n" + std::string(body));
  const auto answer = (*connection)->receive_all();
  return answer ? parse_reply(*answer) : answer.error();
}

TlsConnection::~TlsConnection() {
  SSL_shutdown(tls_.get());  // a session whose end was not announced is not offered again
  ERR_clear_error();
}

bool TlsConnection::send(std::string_view bytes) {
  const int sent = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
  ERR_clear_error();
  return sent == static_cast<int>(bytes.size());
}

Result<std::string> TlsConnection::receive_all() {
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const int got = SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (SSL_get_error(tls_.get(), got) == SSL_ERROR_ZERO_RETURN) {
      return text;
    } else {
      return tls_error("reading after " + std::to_string(text.size()) + " bytes");
    }
  }
}

bool TlsConnection::closed_within(milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  std::array<char, 16384> buffer{};
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
    if (left.count() <= 0) {
      return false;
    }
    set_patience(fd_.get(), left);
    errno = 0;
    const int got = SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size()));
    const int why = SSL_get_error(tls_.get(), got);
    ERR_clear_error();
    if (got <= 0 && why != SSL_ERROR_WANT_READ && errno != EAGAIN) {
      return true;
    }
  }
}

std::string TlsConnection::server_name() const {
  const std::shared_ptr<X509> certificate(SSL_get1_peer_certificate(tls_.get()), X509_free);
  std::array<char, 256> name{};
  if (certificate) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
  }
  return name.data();
}

std::string TlsConnection::cipher() const {
  return SSL_get_cipher_name(tls_.get());
}

bool TlsConnection::resumed() const {
  return SSL_session_reused(tls_.get()) == 1;
}

}  // namespace kvmtsc::integration
