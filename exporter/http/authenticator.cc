#include "exporter/http/authenticator.h"

#include <crypt.h>

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/parse.h"

namespace kvmtsc::http {
namespace {

constexpr Nanoseconds kWindow = std::chrono::minutes(1);
constexpr Nanoseconds kVerdictLifetime = std::chrono::minutes(10);
constexpr std::size_t kMostAddresses = 10'000;
constexpr std::size_t kMostVerdicts = 1'000;
// Of no password: what an unknown user's is compared with, so that it takes as long.
constexpr const char* kNobodysHash = "$2y$10$vI8aWBnW3fID.ZQ4/zo1G.q1lRps.9cGLcZEiGDMVr5yUP1KUOYTa";

bool is_read(const Request& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

bool is_api_mutation(const Request& request) {
  return request.path.starts_with("/api/") && !is_read(request);
}

Role needed_role(const Logins& logins, const Request& request) {
  if (request.path == "/-/healthy" || request.path == "/-/ready") {
    return Role::kNobody;
  }
  if (is_api_mutation(request) || (request.path == "/-/reload" && logins.any())) {
    return Role::kOperator;
  }
  return logins.require_login ? Role::kViewer : Role::kNobody;
}

// "10.0.0.1:1234" without the port.
std::string address_of(const Request& request) {
  return request.peer.substr(0, request.peer.rfind(':'));
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

Authenticator::Authenticator(const Clock& clock)
    : clock_(&clock), logins_(std::make_shared<const Logins>()) {
  RAND_bytes(salt_.data(), static_cast<int>(salt_.size()));
}

void Authenticator::set(Logins logins) {
  auto shared = std::make_shared<const Logins>(std::move(logins));
  const std::lock_guard lock(mutex_);
  logins_ = std::move(shared);
}

std::optional<Response> Authenticator::admit(Request& request) {
  std::shared_ptr<const Logins> logins;
  {
    const std::lock_guard lock(mutex_);
    logins = logins_;
  }
  const Role needed = needed_role(*logins, request);
  const bool says_who = !request.header("Authorization").empty();
  if (says_who && slowed(address_of(request))) {
    Response response = problem(429, "Too many logins failed from your address.");
    response.headers.emplace_back("Retry-After", "60");
    return response;
  }
  auto principal = identify(*logins, request);
  if (!principal) {
    failed(address_of(request));
    return login_needed("The credentials are not known here.");
  }
  request.principal = *std::move(principal);
  if (request.principal.role < needed) {
    return request.principal.role == Role::kNobody
               ? login_needed("This takes a login; docs/security.md says how to set one up.")
               : problem(403, request.principal.name + " may read but not change anything.");
  }
  return is_api_mutation(request) ? not_from_here(request) : std::nullopt;
}

std::optional<Principal> Authenticator::identify(const Logins& logins, const Request& request) {
  const std::string_view authorization = request.header("Authorization");
  if (const auto token = after_scheme(authorization, "Bearer")) {
    return check_token(logins, *token);
  }
  if (const auto credentials = after_scheme(authorization, "Basic")) {
    const auto decoded = decode_base64(*credentials);
    return decoded ? check_user(logins, *decoded) : std::nullopt;
  }
  if (!authorization.empty()) {
    return std::nullopt;
  }
  if (request.peer_uid == 0U) {
    return Principal{"root", Role::kOperator, {}};
  }
  return Principal{};
}

std::optional<Principal> Authenticator::check_token(const Logins& logins,
                                                    const std::string& token) const {
  const std::string wanted = sha256_hex(token);
  const Login* found = nullptr;
  for (const Login& login : logins.tokens) {  // all of them, whichever fits
    if (equal_in_constant_time(login.secret, wanted)) {
      found = &login;
    }
  }
  return found == nullptr ? std::nullopt : std::optional{principal_of("token:", *found)};
}

std::optional<Principal> Authenticator::check_user(const Logins& logins,
                                                   const std::string& credentials) {
  const auto colon = credentials.find(':');
  if (colon == credentials.npos) {
    return std::nullopt;
  }
  const auto user = std::ranges::find(logins.users, credentials.substr(0, colon), &Login::name);
  const bool known = user != logins.users.end();
  const std::string somebodys =
      logins.users.empty() ? std::string(kNobodysHash) : logins.users.front().secret;
  const bool fits = password_fits(credentials.substr(colon + 1), known ? user->secret : somebodys);
  return known && fits ? std::optional{principal_of("user:", *user)} : std::nullopt;
}

bool Authenticator::password_fits(const std::string& password, const std::string& hash) {
  if (password.find('\0') != password.npos) {
    return false;  // crypt() would look at the part before it
  }
  std::string material(reinterpret_cast<const char*>(salt_.data()), salt_.size());
  material += hash + password;
  Digest key{};
  SHA256(reinterpret_cast<const unsigned char*>(material.data()), material.size(), key.data());
  const std::lock_guard lock(hashing_);
  const MonotonicTime now = clock_->monotonic();
  if (const auto known = verdicts_.find(key);
      known != verdicts_.end() && now - known->second.at < kVerdictLifetime) {
    return known->second.fits;
  }
  const auto data = std::make_unique<crypt_data>();
  const char* const computed = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  const bool fits = computed != nullptr && equal_in_constant_time(computed, hash);
  if (verdicts_.size() >= kMostVerdicts) {
    verdicts_.clear();
  }
  verdicts_[key] = {fits, now};
  return fits;
}

bool Authenticator::slowed(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto known = tries_.find(address);
  return known != tries_.end() && known->second.failures >= kFailuresAllowed &&
         clock_->monotonic() - known->second.since < kWindow;
}

void Authenticator::failed(const std::string& address) {
  ++failures_;
  const MonotonicTime now = clock_->monotonic();
  const std::lock_guard lock(mutex_);
  if (tries_.size() >= kMostAddresses) {
    std::erase_if(tries_, [&](const auto& entry) { return now - entry.second.since >= kWindow; });
  }
  Tries& tries = tries_[address];
  if (tries.failures == 0 || now - tries.since >= kWindow) {
    tries = {0, now};
  }
  ++tries.failures;
}

}  // namespace kvmtsc::http
