#include "config/web_tls_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/tls_names.h"

namespace kvmtsc {
namespace {

constexpr std::array<std::string_view, 13> kKeys{"cert",
                                                 "key",
                                                 "client_ca",
                                                 "cert_file",
                                                 "key_file",
                                                 "client_ca_file",
                                                 "client_auth_type",
                                                 "client_allowed_sans",
                                                 "min_version",
                                                 "max_version",
                                                 "cipher_suites",
                                                 "prefer_server_cipher_suites",
                                                 "curve_preferences"};
constexpr std::array<std::pair<std::string_view, int>, 4> kVersions{
    {{"TLS10", 10}, {"TLS11", 11}, {"TLS12", 12}, {"TLS13", 13}}};

constexpr std::array<std::pair<std::string_view, ClientAuth>, 7> kClientAuth{{
    {"", ClientAuth::kNone},
    {"NoClientCert", ClientAuth::kNone},
    {"RequestClientCert", ClientAuth::kRequest},
    {"RequireAnyClientCert", ClientAuth::kRequireAny},
    {"RequireClientCert", ClientAuth::kRequireAny},  // its name of old
    {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
    {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify},
}};

std::string beside(const std::string& file, const std::string& path) {
  const auto slash = file.rfind('/');
  return path.empty() || path.front() == '/' || slash == file.npos
             ? path
             : file.substr(0, slash + 1) + path;
}

class TlsReader {
 public:
  TlsReader(const std::string& file, Problems& problems) : file_(file), problems_(problems) {}

  WebTls read(const YamlEntry& section) {
    for (const YamlEntry& entry : read_map(*section.value, section.name, kKeys, problems_)) {
      if (entry.value->kind != YamlNode::Kind::kNull) {
        read_key(entry, child_key(section.name, entry.name));
      }
    }
    check_pair(section.line, tls_.cert, "cert", "cert_file");
    check_pair(section.line, tls_.key, "key", "key_file");
    check_one_of(section.line, tls_.client_ca, "client_ca", "client_ca_file");
    if (tls_.client_ca.given() && tls_.client_auth == ClientAuth::kNone) {
      problems_.add(section.line, section.name,
                    "a client CA is given and no certificate is asked of clients",
                    "it goes with a client_auth_type, RequireAndVerifyClientCert for instance");
    }
    if (!tls_.client_allowed_sans.empty() && tls_.client_auth == ClientAuth::kNone) {
      problems_.add(section.line, child_key(section.name, "client_allowed_sans"),
                    "no certificate is asked of clients, so that anybody gets in",
                    "it goes with client_auth_type RequireAndVerifyClientCert");
    }
    check_versions(section);
    return std::move(tls_);
  }

 private:
  void read_key(const YamlEntry& entry, const std::string& key) {
    const std::string& name = entry.name;
    if (name == "client_allowed_sans") {
      read_sans(entry, key);
      return;
    }
    if (name == "cipher_suites") {
      tls_.cipher_suites = read_names(entry, key, cipher_suites());
      return;
    }
    if (name == "curve_preferences") {
      tls_.curve_preferences = read_names(entry, key, curves());
      return;
    }
    if (name == "prefer_server_cipher_suites") {
      tls_.prefer_server_cipher_suites = read_flag(*entry.value, key, problems_).value_or(true);
      return;
    }
    const auto value = read_text(*entry.value, key, "it takes a text", problems_);
    if (!value) {
      return;
    }
    if (name.ends_with("_file")) {
      read_file_name(entry, key, *value);
    } else if (name == "client_auth_type") {
      read_client_auth(entry, key, *value);
    } else if (name == "min_version") {
      tls_.min_version = read_version(entry, key, *value).value_or(tls_.min_version);
    } else if (name == "max_version") {
      tls_.max_version = read_version(entry, key, *value).value_or(tls_.max_version);
    } else {
      pem_of(name).text = *value;
    }
  }

  // By the key's name with or without "_file".
  WebPem& pem_of(const std::string& name) {
    if (name.starts_with("cert")) {
      return tls_.cert;
    }
    return name.starts_with("key") ? tls_.key : tls_.client_ca;
  }

  void read_file_name(const YamlEntry& entry, const std::string& key, const std::string& value) {
    if (value.find('\0') != value.npos) {
      problems_.add(entry.line, key, "no file has a NUL in its name", "");
    }
    pem_of(entry.name).file = beside(file_, value);
  }

  void read_client_auth(const YamlEntry& entry, const std::string& key, const std::string& value) {
    for (const auto& [word, type] : kClientAuth) {
      if (value == word) {
        tls_.client_auth = type;
        return;
      }
    }
    problems_.add(entry.line, key, in_quotes(value) + " is not known",
                  "it takes NoClientCert, RequestClientCert, RequireAnyClientCert, "
                  "VerifyClientCertIfGiven or RequireAndVerifyClientCert");
  }

  void read_sans(const YamlEntry& entry, const std::string& key) {
    constexpr std::string_view kTakes =
        "it takes a list of DNS names, e-mail addresses, URIs and IP addresses";
    auto names = read_texts(*entry.value, key, kTakes, problems_);
    if (names && (names->empty() || std::ranges::find(*names, "") != names->end())) {
      problems_.add(entry.line, key, "no certificate has one of none",
                    "leave it out to allow any name");
    }
    tls_.client_allowed_sans = std::move(names).value_or(std::vector<std::string>{});
  }

  std::optional<int> read_version(const YamlEntry& entry, const std::string& key,
                                  const std::string& value) {
    for (const auto& [word, version] : kVersions) {
      if (value == word) {
        return version;
      }
    }
    problems_.add(entry.line, key, in_quotes(value) + " is no version of TLS",
                  "it takes TLS10, TLS11, TLS12 or TLS13");
    return std::nullopt;
  }

  // A list of names of which `known` has each.
  template <typename Known>
  std::vector<std::string> read_names(const YamlEntry& entry, const std::string& key,
                                      const Known& known) {
    std::string takes;
    for (const auto& one : known) {
      takes.append(takes.empty() ? "it takes a list of " : ", ").append(one.name);
    }
    const auto names = read_texts(*entry.value, key, takes, problems_);
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
      if (std::ranges::none_of(known, [&](const auto& one) { return one.name == name; })) {
        problems_.add(entry.line, key, in_quotes(name) + " is not known", takes);
      }
    }
    return names.value_or(std::vector<std::string>{});
  }

  void check_versions(const YamlEntry& section) {
    if (tls_.min_version > tls_.max_version) {
      problems_.add(section.line, child_key(section.name, "max_version"),
                    "it is below min_version: no version is left", "raise it, or lower the other");
    } else if (!tls_.speaks_below_13() && tls_.max_version < 13) {
      problems_.add(section.line, child_key(section.name, "cipher_suites"),
                    "all of these are of TLS 1.3, above max_version: none is left",
                    "add one for TLS 1.2, or raise max_version");
    }
  }

  void check_one_of(std::size_t line, const WebPem& pem, const char* text, const char* file) {
    if (!pem.file.empty() && !pem.text.empty()) {
      problems_.add(line, child_key("tls_server_config", text),
                    std::string("given twice, here and as ") + file, "leave one of them out");
    }
  }
  void check_pair(std::size_t line, const WebPem& pem, const char* text, const char* file) {
    check_one_of(line, pem, text, file);
    if (!pem.given()) {
      problems_.add(line, "tls_server_config", std::string(file) + " is missing",
                    std::string("it takes ") + file + ", or the PEM text itself as " + text);
    }
  }

  const std::string& file_;
  Problems& problems_;
  WebTls tls_;
};

}  // namespace

bool WebTls::speaks_below_13() const {
  return min_version < 13 &&
         (cipher_suites.empty() || std::ranges::any_of(cipher_suites, [](const auto& name) {
            const CipherSuite* const suite = find_cipher_suite(name);
            return suite == nullptr || !suite->tls13;
          }));
}

void check_http2_suites(const WebTls& tls, std::size_t line, Problems& problems) {
  // One that is not known has been told already.
  const bool has_one = std::ranges::any_of(tls.cipher_suites, [](const auto& name) {
    const CipherSuite* const suite = find_cipher_suite(name);
    return suite == nullptr || suite->http2;
  });
  if (!tls.cipher_suites.empty() && tls.min_version < 13 && !has_one) {
    problems.add(line, "tls_server_config.cipher_suites",
                 "HTTP/2 takes one that is not among these",
                 "add TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or "
                 "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or set http_server_config.http2: false");
  }
}

WebTls read_web_tls(const YamlEntry& section, const std::string& file, Problems& problems) {
  return TlsReader(file, problems).read(section);
}

}  // namespace kvmtsc
