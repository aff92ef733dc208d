// Authenticator: finds out who sent a request, and whether that one may send it at all.
//
//   who                                         is
//   the unix socket's peer with uid 0           "root", an operator
//   Authorization: Bearer TOKEN, known          "token:NAME" with the token's role
//   Authorization: Basic, user and password     "user:NAME" with the user's role
//   none of these                               nobody
//
//   what                                        takes
//   /-/healthy, /-/ready                        nobody
//   anything but GET, HEAD, OPTIONS below /api/ an operator
//   POST /-/reload where logins exist           an operator
//   the rest                                    nobody, or a viewer with `require_login`
//
// Credentials that do not fit are 401 even where none are needed. Such failures are counted, and
// after kFailuresAllowed of one address within a minute its credentials are not looked at for the
// rest of that minute (429). Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "exporter/http/message.h"

namespace kvmtsc::http {

struct Login {
  std::string name;
  std::string secret;  // of a user, a bcrypt hash; of a token, its SHA-256 in hexadecimal digits
  Role role = Role::kViewer;
  Scope scope;
};

struct Logins {
  std::vector<Login> users;
  std::vector<Login> tokens;
  bool require_login = false;
  bool any() const { return require_login || !users.empty() || !tokens.empty(); }
};

// As a token's Login::secret has it.
std::string sha256_hex(const std::string& token);

class Authenticator {
 public:
  explicit Authenticator(const Clock& clock);

  // From the next request on.
  void set(Logins logins);

  // Sets request.principal; an answer when the request is not to be carried out.
  std::optional<Response> admit(Request& request);

  // Credentials that did not fit, since the start.
  std::uint64_t failures() const { return failures_; }

  static constexpr int kFailuresAllowed = 5;

 private:
  struct Tries {
    int failures = 0;
    MonotonicTime since;
  };
  using Digest = std::array<unsigned char, 32>;
  struct Verdict {
    bool fits = false;
    MonotonicTime at;
  };

  // Absent when the credentials do not fit.
  std::optional<Principal> identify(const Logins& logins, const Request& request);
  std::optional<Principal> check_token(const Logins& logins, const std::string& token) const;
  std::optional<Principal> check_user(const Logins& logins, const std::string& credentials);
  bool password_fits(const std::string& password, const std::string& hash);
  bool slowed(const std::string& address);
  void failed(const std::string& address);

  const Clock* clock_;
  Digest salt_;  // so that the cache's keys tell nothing of passwords
  std::atomic<std::uint64_t> failures_ = 0;

  std::mutex mutex_;
  std::shared_ptr<const Logins> logins_;  // guarded by mutex_
  std::map<std::string, Tries> tries_;    // by address; guarded by mutex_

  std::mutex hashing_;                  // one at a time: hashing is meant to be slow
  std::map<Digest, Verdict> verdicts_;  // by salted password and hash; guarded by hashing_
};

}  // namespace kvmtsc::http
