// The web configuration: what is accepted can be served as it stands and says the same when it is
// written down and read again; what is refused is told in lines that name the file.
#include "config/web_config.h"

#include <crypt.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/parse.h"
#include "base/utf8.h"
#include "config/tls_names.h"
#include "invariant.h"
#include "web_config_yaml.h"

namespace kvmtsc::fuzz {
namespace {

const std::string kFile = "/etc/kvm/web.yml";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

void require_text(const std::string& text, const char* what) {
  require(!text.empty(), what, "(empty)");
  require(std::ranges::none_of(text, is_control), what, text);
  require(to_valid_utf8(text, text.size() + 3) == text, what, text);
}

void check_access(const WebAccess& access) {
  for (const std::string& vm : access.vms) {
    require(!vm.empty() && to_valid_utf8(vm, vm.size() + 3).size() >= vm.size(),
            "a scope names VMs", vm);
  }
}

void check_pem(const WebPem& pem) {
  require(pem.file.empty() || pem.text.empty(), "there is one place to look", pem.file);
  require(pem.file.empty() || pem.file.starts_with('/'),
          "files are found from the configuration's folder", pem.file);
  require(pem.file.find('\0') == pem.file.npos, "the whole name is opened", pem.file);
}

void check_tls(const WebTls& tls) {
  check_pem(tls.cert);
  check_pem(tls.key);
  check_pem(tls.client_ca);
  require(tls.cert.given() && tls.key.given(), "TLS takes a certificate and its key");
  require(!tls.client_ca.given() || tls.client_auth != ClientAuth::kNone,
          "a CA goes with asking for certificates", tls.client_ca.file);
  require(tls.min_version >= 10 && tls.min_version <= tls.max_version && tls.max_version <= 13,
          "there is a version that is served");
  require(tls.speaks_below_13() || tls.max_version == 13, "and a cipher suite for one");
  require(tls.client_allowed_sans.empty() || tls.client_auth != ClientAuth::kNone,
          "names are looked at where certificates are asked for");
  for (const std::string& name : tls.client_allowed_sans) {
    require(!name.empty(), "a name is one");
  }
  for (const std::string& name : tls.cipher_suites) {
    require(find_cipher_suite(name) != nullptr, "each suite is known", name);
  }
  for (const std::string& name : tls.curve_preferences) {
    require(find_curve(name) != nullptr, "each curve is known", name);
  }
}

// What a browser makes of the answers; nothing by which the server frames them.
void check_header(const std::string& name, const std::string& value) {
  const std::set<std::string> known{"Content-Security-Policy", "Strict-Transport-Security",
                                    "X-Content-Type-Options", "X-Frame-Options",
                                    "X-XSS-Protection"};
  require(known.contains(name), "the header is one of exporter-toolkit's", name);
  require(!value.empty() && std::ranges::none_of(value, is_control), "a header is one line", value);
}

// One that no password fits would lock its user out without a word.
void check_hash(const std::string& bcrypt) {
  constexpr const char* kBase64 =
      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  require(bcrypt.size() == 60 && std::string_view("0123").find(bcrypt[4]) != std::string::npos &&
              std::string_view("0123456789").find(bcrypt[5]) != std::string::npos,
          "a hash has a cost", bcrypt);
  require(bcrypt.find_first_not_of(kBase64, 7) == bcrypt.npos,
          "a hash is 53 digits of base 64 after its parameters", bcrypt);
  require(crypt_checksalt(bcrypt.c_str()) != CRYPT_SALT_INVALID, "crypt(3) takes the hash", bcrypt);
}

void check_accepted(const WebConfig& config) {
  if (config.has_tls) {
    check_tls(config.tls);
  }
  require(config.rate_limit.interval.count() >= 0 && config.rate_limit.burst > 0,
          "a rate lets somebody in");
  for (const auto& [name, value] : config.headers) {
    check_header(name, value);
  }
  for (const auto& [name, user] : config.users) {
    require_text(name, "a user has a name");
    require(name.find(':') == name.npos, "a user can log in (RFC 7617: no colon)", name);
    check_hash(user.bcrypt);
    check_access(user.access);
  }
  std::set<std::string> names;
  for (const WebToken& token : config.tokens) {
    require_text(token.name, "a token has a name");
    require(names.insert(token.name).second, "each token has its own", token.name);
    require(token.sha256.size() == 64 &&
                token.sha256.find_first_not_of("0123456789abcdef") == std::string::npos,
            "a digest is 64 digits", token.sha256);
    check_access(token.access);
  }
  const std::string yaml = yaml_of(config);
  const auto again = parse_web_config(yaml, kFile);
  require(again.ok(), "what was accepted is accepted again", yaml);
  require(same(*again, config), "and says the same", yaml);
}

void check_refusal(const Error& error) {
  require(error.kind == ErrorKind::kInvalid, "a bad file is a mistake of its writer");
  require(to_valid_utf8(error.message, error.message.size() + 3) == error.message,
          "the message is text", error.message);
  const auto lines = split(error.message, '\n');
  require(lines.size() <= 21, "twenty problems are enough", error.message);
  for (const std::string_view line : lines) {
    require(line.starts_with(kFile + ":") || (lines.size() == 21 && line == lines.back()),
            "each line names the file", line);
    require(std::ranges::none_of(line, is_control), "each problem is one line", line);
  }
}

}  // namespace
}  // namespace kvmtsc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvmtsc::fuzz;
  const auto config = kvmtsc::parse_web_config(text_of(data, size), kFile);
  if (config) {
    check_accepted(*config);
  } else {
    check_refusal(config.error());
  }
  return 0;
}
