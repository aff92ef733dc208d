#include "config/web_tls_reader.h"

#include <array>
#include <string_view>
#include <utility>

namespace kvmtsc {
namespace {

constexpr std::array<std::string_view, 8> kKeys{
    "cert",      "key",      "client_ca",      "client_auth_type",
    "cert_file", "key_file", "client_ca_file", "min_version"};

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
    return std::move(tls_);
  }

 private:
  void read_key(const YamlEntry& entry, const std::string& key) {
    const std::string& name = entry.name;
    const auto value = read_text(*entry.value, key, "it takes a text", problems_);
    if (!value) {
      return;
    }
    if (name.ends_with("_file")) {
      read_file_name(entry, key, *value);
    } else if (name == "client_auth_type") {
      read_client_auth(entry, key, *value);
    } else if (name == "min_version") {
      read_version(entry, key, *value);
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

  void read_version(const YamlEntry& entry, const std::string& key, const std::string& value) {
    if (value != "TLS12" && value != "TLS13") {
      problems_.add(entry.line, key, in_quotes(value) + " is not served",
                    "it takes TLS12 or TLS13");
    }
    tls_.min_version = value == "TLS13" ? 13 : 12;
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

WebTls read_web_tls(const YamlEntry& section, const std::string& file, Problems& problems) {
  return TlsReader(file, problems).read(section);
}

}  // namespace kvmtsc
