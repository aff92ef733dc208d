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
// Credentials that do not fit are 401 even where none are needed, and 429 with Retry-After once
// five of a client (exporter/http/client.h) have failed for the same account within the window:
//
//   account          window                       the right one meanwhile
//   all tokens       a minute                     is served: nobody guesses a random token
//   one user         a minute for each user       is not looked at; other users' are
//                    there is, at most 15
//   unknown users    the same
//
// docs/adr/0015 says why, and what an attacker gains. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "exporter/http/login_limits.h"
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
  // `report` may be empty; see LoginLimits.
  explicit Authenticator(const Clock& clock, LoginLimits::Report report = {});

  // From the next request on.
  void set(Logins logins);

  // Sets request.principal; an answer when the request is not to be carried out.
  std::optional<Response> admit(Request& request);

  // Of credentials that did not fit, and of who is kept from trying.
  LoginLimits& limits() { return limits_; }
  const LoginLimits& limits() const { return limits_; }

 private:
  using Digest = std::array<unsigned char, 32>;
  // Of a request: who it is, or how long credentials of its account are not taken; neither where
  // they do not fit.
  struct Finding {
    std::optional<Principal> principal;
    std::optional<Nanoseconds> wait;
  };

  Finding identify(const Logins& logins, const Request& request);
  Finding check_token(const Logins& logins, const std::string& client, const std::string& token);
  Finding check_user(const Logins& logins, const std::string& client,
                     const std::string& credentials);
  Finding refuse(const std::string& client, const std::string& account, const std::string& name,
                 Nanoseconds window);
  // Whether this is the password that was last found right for the user with this hash.
  bool is_remembered(const Login& user, const std::string& password) const;
  void remember(const Login& user, const std::string& password);
  Digest keyed_digest(const Login& user, const std::string& password) const;

  Digest key_;  // so that what is remembered tells nothing of passwords
  LoginLimits limits_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Logins> logins_;      // guarded by mutex_
  std::map<std::string, Digest> remembered_;  // by user; guarded by mutex_

  std::mutex hashing_;  // one at a time: hashing is meant to be slow
};

}  // namespace kvmtsc::http
