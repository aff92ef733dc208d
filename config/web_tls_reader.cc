#include "config/web_tls_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/join.h"
#include "config/tls_names.h"
#include "config/web_tls_checks.h"

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

// Each key by itself.
class TlsReader {
 public:
  TlsReader(const std::string& file, Problems& problems) : file_(file), problems_(problems) {}

  WebTls read(const YamlEntry& section) {
    for (const YamlEntry& entry : read_map(*section.value, section.name, kKeys, problems_)) {
      if (entry.value->kind != YamlNode::Kind::kNull) {
        read_key(entry, child_key(section.name, entry.name));
      }
    }
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
    std::vector<std::string_view> all;
    for (const auto& one : known) {
      all.push_back(one.name);
    }
    const std::string takes = "it takes a list of " + join(all, ", ");
    const auto names = read_texts(*entry.value, key, takes, problems_);
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
      if (std::ranges::find(all, name) == all.end()) {
        problems_.add(entry.line, key, in_quotes(name) + " is not known", takes);
      }
    }
    return names.value_or(std::vector<std::string>{});
  }

  const std::string& file_;
  Problems& problems_;
  WebTls tls_;
};

}  // namespace

WebTls read_web_tls(const YamlEntry& section, const std::string& file, Problems& problems) {
  WebTls tls = TlsReader(file, problems).read(section);
  check_web_tls(tls, section.line, problems);
  return tls;
}

}  // namespace kvmtsc
