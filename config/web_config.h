// WebConfig: the file that --web.config.file names, in the format of Prometheus's exporter-toolkit
// (its docs/web-configuration.md), with one key of our own, kvm_tsc, for roles and tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace kvmtsc {

enum class WebRole { kViewer, kOperator };
enum class ClientAuth { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

// PEM text, in a file or in the configuration itself; one of the two, or neither.
struct WebPem {
  std::string file;  // absolute, or as found from the process's directory
  std::string text;

  bool given() const { return !file.empty() || !text.empty(); }
  bool operator==(const WebPem&) const = default;
};

struct WebTls {
  WebPem cert;  // with the chain
  WebPem key;
  ClientAuth client_auth = ClientAuth::kNone;
  WebPem client_ca;  // where none is given, the host's own are believed
  // One of these has to be among the subject alternative names of a client's certificate, and there
  // has to be one then; empty for any.
  std::vector<std::string> client_allowed_sans;
  int min_version = 12;  // 10 to 13 for TLS 1.0 to 1.3
  int max_version = 13;
  std::vector<std::string> cipher_suites;   // of config/tls_names.h, the best first; empty for all
  bool prefer_server_cipher_suites = true;  // that order counts, else the client's
  std::vector<std::string> curve_preferences;  // of config/tls_names.h, the best first; or empty

  // Whether a version below TLS 1.3 is spoken, which takes a cipher suite that is not of TLS 1.3.
  bool speaks_below_13() const;

  bool operator==(const WebTls&) const = default;
};

struct WebAccess {
  WebRole role = WebRole::kViewer;
  std::vector<std::string> vms;  // labels or uuids it may act on and sees; empty for all
  std::string source;  // the collector to whose VMs alone that is limited; not in the file
};

struct WebUser {
  std::string bcrypt;  // "$2a$", "$2b$" or "$2y$"
  WebAccess access;
};

struct WebToken {
  std::string name;
  std::string sha256;  // of the token, 64 hexadecimal digits in lower case
  WebAccess access;
};

// A token bucket for all requests but the probes'.
struct WebRateLimit {
  std::chrono::nanoseconds interval{0};  // between two tokens; 0 for no limit
  std::uint64_t burst = 1;               // tokens that it holds, at least 1
};

struct WebConfig {
  bool has_tls = false;
  WebTls tls;
  std::vector<std::pair<std::string, std::string>> headers;  // on every answer
  WebRateLimit rate_limit;
  std::map<std::string, WebUser> users;
  std::vector<WebToken> tokens;
  // Everything but the two probes needs a login. Where the file does not say: whether there is one.
  bool require_auth = false;
};

// `file` is named in errors, and paths in the file are relative to its directory.
Result<WebConfig> parse_web_config(const std::string& yaml, const std::string& file);
Result<WebConfig> load_web_config(const std::string& file);

}  // namespace kvmtsc
