#include "exporter/http/authenticator.h"

#include <crypt.h>

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/parse.h"
#include "exporter/http/client.h"

namespace kvmtsc::http {
namespace {

constexpr const char* kTokens = "tokens";
constexpr const char* kUnknown = "unknown";
constexpr std::size_t kLongestName = 64;
// An hour's guesses of one client are shared out among the users (docs/adr/0015).
constexpr std::size_t kLongestWindowMinutes = 15;
// Of no password: what an unknown user's is compared with, so that it takes as long.
constexpr const char* kNobodysHash = "$2y$10$vI8aWBnW3fID.ZQ4/zo1G.q1lRps.9cGLcZEiGDMVr5yUP1KUOYTa";

bool is_read(const Request& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

bool is_api_mutation(const Request& request) {
  return request.path.starts_with("/api/") && !is_read(request);
}

Role needed_role(const Logins& logins, const Request& request) {
  if (is_probe(request)) {
    return Role::kNobody;
  }
  if (is_api_mutation(request) || (request.path == "/-/reload" && logins.any())) {
    return Role::kOperator;
  }
  return logins.require_login ? Role::kViewer : Role::kNobody;
}

Nanoseconds window_of(const Logins& logins) {
  return std::chrono::minutes(
      std::clamp<std::size_t>(logins.users.size(), 1, kLongestWindowMinutes));
}

std::string hexadecimal(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 0xFU];
  }
  return text;
}

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool password_fits(const std::string& password, const std::string& hash) {
  if (password.find('\0') != password.npos) {
    return false;  // crypt() would look at the part before it
  }
  const auto data = std::make_unique<crypt_data>();
  const char* const computed = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  return computed != nullptr && equal_in_constant_time(computed, hash);
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) {
    return std::nullopt;
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) {
    return std::nullopt;
  }
  const auto padding =
      static_cast<std::size_t>(std::ranges::count(text.substr(text.size() - 2), '='));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::optional<std::string> after_scheme(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ' ||
      !equal_ignoring_case(authorization.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  return std::string(trim(authorization.substr(scheme.size())));
}

Principal principal_of(const char* kind, const Login& login) {
  return {kind + login.name, login.role, login.scope};
}

Response login_needed(std::string_view detail) {
  Response response = problem(401, detail);
  response.headers.emplace_back("WWW-Authenticate", "Bearer, Basic realm=\"kvm-tsc-exporter\"");
  return response;
}

// What a web page of another origin could make a browser send with a login it has. (A DELETE it has
// to ask for first; there is none, and the router says so.)
std::optional<Response> not_from_here(const Request& request) {
  const std::string_view origin = request.header("Origin");
  const std::string_view site = request.header("Sec-Fetch-Site");
  const auto host = origin.substr(std::min(origin.find("://") + 3, origin.size()));
  if ((!origin.empty() && (origin.find("://") == origin.npos || host != request.header("Host"))) ||
      (!site.empty() && site != "same-origin" && site != "none")) {
    return problem(403, "Changes are not taken from pages of another origin.");
  }
  const bool has_body = request.method == "POST" || request.method == "PUT";
  const std::string_view type = request.header("Content-Type");
  if (has_body && !equal_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json")) {
    return problem(415, "Send the body as Content-Type: application/json.");
  }
  return std::nullopt;
}

}  // namespace

std::string sha256_hex(const std::string& token) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return hexadecimal(digest.data(), digest.size());
}

Authenticator::Authenticator(const Clock& clock, LoginLimits::Report report)
    : key_{}, limits_(clock, std::move(report)), logins_(std::make_shared<const Logins>()) {
  RAND_bytes(key_.data(), static_cast<int>(key_.size()));
}

void Authenticator::set(Logins logins) {
  auto shared = std::make_shared<const Logins>(std::move(logins));
  const std::lock_guard lock(mutex_);
  logins_ = std::move(shared);
  remembered_.clear();
}

std::optional<Response> Authenticator::admit(Request& request) {
  std::shared_ptr<const Logins> logins;
  {
    const std::lock_guard lock(mutex_);
    logins = logins_;
  }
  const Role needed = needed_role(*logins, request);
  Finding finding = identify(*logins, request);
  if (finding.wait) {
    return problem(429,
                   "Too many logins failed from your address. A token that is known is taken "
                   "meanwhile, and so is another user's password.",
                   finding.wait);
  }
  if (!finding.principal) {
    return login_needed("The credentials are not known here.");
  }
  request.principal = *std::move(finding.principal);
  if (request.principal.role < needed) {
    return request.principal.role == Role::kNobody
               ? login_needed(!logins->users.empty() || !logins->tokens.empty()
                                  ? "This takes a login."
                                  : "This takes a login; docs/security.md says how to set one up.")
               : problem(403, request.principal.name + " may read but not change anything.");
  }
  return is_api_mutation(request) ? not_from_here(request) : std::nullopt;
}

Authenticator::Finding Authenticator::identify(const Logins& logins, const Request& request) {
  const std::string_view authorization = request.header("Authorization");
  if (authorization.empty()) {
    return {request.peer_uid == 0U ? Principal{"root", Role::kOperator, {}} : Principal{}, {}};
  }
  const std::string client = client_of(request);
  if (const auto token = after_scheme(authorization, "Bearer")) {
    return check_token(logins, client, *token);
  }
  if (const auto credentials = after_scheme(authorization, "Basic")) {
    if (const auto decoded = decode_base64(*credentials)) {
      return check_user(logins, client, *decoded);
    }
  }
  return refuse(client, kUnknown, "", window_of(logins));
}

Authenticator::Finding Authenticator::refuse(const std::string& client, const std::string& account,
                                             const std::string& name, Nanoseconds window) {
  // The last one that is allowed is still answered as what it is.
  const auto wait = limits_.wait(client, account);
  limits_.failed(client, account, name.substr(0, kLongestName), window);
  return {std::nullopt, wait};
}

Authenticator::Finding Authenticator::check_token(const Logins& logins, const std::string& client,
                                                  const std::string& token) {
  const std::string wanted = sha256_hex(token);
  const Login* found = nullptr;
  for (const Login& login : logins.tokens) {  // all of them, whichever fits
    if (equal_in_constant_time(login.secret, wanted)) {
      found = &login;
    }
  }
  return found == nullptr ? refuse(client, kTokens, "", std::chrono::minutes(1))
                          : Finding{principal_of("token:", *found), {}};
}

Authenticator::Finding Authenticator::check_user(const Logins& logins, const std::string& client,
                                                 const std::string& credentials) {
  const std::string name = credentials.substr(0, credentials.find(':'));
  const std::string password = credentials.substr(std::min(name.size() + 1, credentials.size()));
  const auto user = std::ranges::find(logins.users, name, &Login::name);
  const bool known = user != logins.users.end();
  const std::string account = known ? "user:" + name : kUnknown;
  // Before anything is compared, be it cheap: an answer would tell a guesser as much.
  if (const auto wait = limits_.turned_away(client, account)) {
    return {std::nullopt, wait};
  }
  if (known && is_remembered(*user, password)) {
    return {principal_of("user:", *user), {}};
  }
  const std::lock_guard lock(hashing_);
  // Of many at once, those that had to wait for others to fail.
  if (const auto wait = limits_.turned_away(client, account)) {
    return {std::nullopt, wait};
  }
  const std::string somebodys =
      logins.users.empty() ? std::string(kNobodysHash) : logins.users.front().secret;
  if (password_fits(password, known ? user->secret : somebodys) && known) {
    remember(*user, password);
    return {principal_of("user:", *user), {}};
  }
  return refuse(client, account, name, window_of(logins));
}

Authenticator::Digest Authenticator::keyed_digest(const Login& user,
                                                  const std::string& password) const {
  const std::string material = user.secret + password;
  Digest digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(material.data()), material.size(), digest.data(),
       &size);
  return digest;
}

bool Authenticator::is_remembered(const Login& user, const std::string& password) const {
  const Digest digest = keyed_digest(user, password);
  const std::lock_guard lock(mutex_);
  const auto known = remembered_.find(user.name);
  return known != remembered_.end() &&
         CRYPTO_memcmp(known->second.data(), digest.data(), digest.size()) == 0;
}

void Authenticator::remember(const Login& user, const std::string& password) {
  const Digest digest = keyed_digest(user, password);
  const std::lock_guard lock(mutex_);
  // A reload meanwhile may have taken the user away, or given a new hash.
  const auto now = std::ranges::find(logins_->users, user.name, &Login::name);
  if (now != logins_->users.end() && now->secret == user.secret) {
    remembered_[user.name] = digest;
  }
}

}  // namespace kvmtsc::http
