#include "web_config_yaml.h"

#include <cstdio>

namespace kvmtsc::fuzz {
namespace {

// In double quotes, with everything escaped that YAML lets be escaped.
std::string quoted(const std::string& text) {
  std::string yaml = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(byte));
      yaml += escape;
    } else {
      yaml += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
  }
  return yaml + '"';
}

std::string yaml_of(const WebAccess& access) {
  std::string yaml =
      std::string("role: ") + (access.role == WebRole::kOperator ? "operator" : "viewer");
  if (!access.vms.empty()) {
    yaml += ", vms: [";
    for (const std::string& vm : access.vms) {
      yaml += quoted(vm) + ", ";
    }
    yaml += "]";
  }
  return yaml;
}

std::string yaml_of(const WebPem& pem, const std::string& key) {
  return (pem.file.empty() ? "" : "  " + key + "_file: " + quoted(pem.file) + "\n") +
         (pem.text.empty() ? "" : "  " + key + ": " + quoted(pem.text) + "\n");
}

std::string list_of(const std::string& key, const std::vector<std::string>& values) {
  std::string yaml;
  for (const std::string& value : values) {
    yaml += (yaml.empty() ? "  " + key + ": [" : ", ") + quoted(value);
  }
  return yaml.empty() ? "" : yaml + "]\n";
}

std::string yaml_of(const WebTls& tls) {
  constexpr const char* kTypes[] = {"NoClientCert", "RequestClientCert", "RequireAnyClientCert",
                                    "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"};
  return "tls_server_config:\n" + yaml_of(tls.cert, "cert") + yaml_of(tls.key, "key") +
         yaml_of(tls.client_ca, "client_ca") +
         "  client_auth_type: " + kTypes[static_cast<std::size_t>(tls.client_auth)] +
         "\n  min_version: TLS" + std::to_string(tls.min_version) + "\n  max_version: TLS" +
         std::to_string(tls.max_version) + "\n  prefer_server_cipher_suites: " +
         (tls.prefer_server_cipher_suites ? "true" : "false") + "\n" +
         list_of("client_allowed_sans", tls.client_allowed_sans) +
         list_of("cipher_suites", tls.cipher_suites) +
         list_of("curve_preferences", tls.curve_preferences);
}

}  // namespace

std::string yaml_of(const WebConfig& config) {
  std::string yaml = config.has_tls ? yaml_of(config.tls) : "";
  yaml += "http_server_config:\n  http2: false\n  headers:\n";
  for (const auto& [name, value] : config.headers) {
    yaml += "    ? " + quoted(name) + "\n    : " + quoted(value) + "\n";
  }
  yaml += "rate_limit: {interval: " + std::to_string(config.rate_limit.interval.count()) +
          ", burst: " + std::to_string(config.rate_limit.burst) + "}\n";
  std::string roles;
  yaml += "basic_auth_users:\n";
  for (const auto& [name, user] : config.users) {
    yaml += "  ? " + quoted(name) + "\n  : " + quoted(user.bcrypt) + "\n";
    roles += "    ? " + quoted(name) + "\n    : {" + yaml_of(user.access) + "}\n";
  }
  yaml += std::string("kvm_tsc:\n  require_auth: ") + (config.require_auth ? "true" : "false") +
          "\n  users:\n" + roles;
  if (!config.tokens.empty()) {
    yaml += "  tokens:\n";
    for (const WebToken& token : config.tokens) {
      yaml += "    - {name: " + quoted(token.name) + ", sha256: " + quoted(token.sha256) + ", " +
              yaml_of(token.access) + "}\n";
    }
  }
  return yaml;
}

}  // namespace kvmtsc::fuzz
