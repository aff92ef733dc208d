#include "config/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kHash = "$2y$10$vI8aWBnW3fID.ZQ4/zo1G.q1lRps.9cGLcZEiGDMVr5yUP1KUOYTa";
const std::string kDigest(64, 'a');

std::string refusal(const std::string& yaml) {
  const auto config = parse_web_config(yaml, "/etc/web.yml");
  EXPECT_FALSE(config) << yaml;
  return config ? "" : config.error().message;
}

TEST(WebConfig, AnEmptyFileAsksForNothing) {
  const auto config = parse_web_config("", "web.yml");
  ASSERT_TRUE(config);
  EXPECT_FALSE(config->has_tls);
  EXPECT_FALSE(config->require_auth);
  EXPECT_TRUE(config->users.empty());
}

TEST(WebConfig, EveryKeyArrives) {
  const auto config = parse_web_config(std::string(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [scraper, 192.0.2.7]
  min_version: TLS11
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP384, X25519]
http_server_config:
  http2: true
  headers: {X-Frame-Options: deny}
basic_auth_users:
  alice: )") + kHash + R"(
  bob: )" + kHash + R"(
kvm_tsc:
  require_auth: true
  users:
    alice: {role: operator, vms: [web-1, web-2]}
  tokens:
    - {name: night, sha256: )" + kDigest + R"(, role: operator}
)",
                                       "/etc/kvm/web.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tls.cert.file, "/etc/kvm/server.crt");
  EXPECT_EQ(config->tls.key.file, "/keys/server.key");
  EXPECT_EQ(config->tls.client_auth, ClientAuth::kRequireAndVerify);
  EXPECT_EQ(config->tls.client_ca.file, "/etc/kvm/ca.crt");
  EXPECT_THAT(config->tls.client_allowed_sans, ElementsAre("scraper", "192.0.2.7"));
  EXPECT_EQ(config->tls.min_version, 11);
  EXPECT_EQ(config->tls.max_version, 12);
  EXPECT_THAT(config->tls.cipher_suites,
              ElementsAre("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"));
  EXPECT_FALSE(config->tls.prefer_server_cipher_suites);
  EXPECT_THAT(config->tls.curve_preferences, ElementsAre("CurveP384", "X25519"));
  EXPECT_THAT(config->headers, ElementsAre(std::pair("X-Frame-Options", "deny")));
  EXPECT_TRUE(config->require_auth);
  EXPECT_EQ(config->users.at("alice").access.role, WebRole::kOperator);
  EXPECT_THAT(config->users.at("alice").access.vms, ElementsAre("web-1", "web-2"));
  EXPECT_EQ(config->users.at("bob").access.role, WebRole::kViewer);
  EXPECT_EQ(config->tokens.at(0).name, "night");
}

TEST(WebConfig, PemMayBeInTheFileItself) {
  const auto config = parse_web_config(R"(
tls_server_config:
  cert: |
    -----BEGIN CERTIFICATE-----
    MIIB
    -----END CERTIFICATE-----
  key: KEY
  client_ca: CA
  client_auth_type: RequireClientCert
)",
                                       "/etc/web.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tls.cert.text,
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(config->tls.cert.file, "");
  EXPECT_EQ(config->tls.key.text, "KEY");
  EXPECT_EQ(config->tls.client_ca.text, "CA");
  EXPECT_EQ(config->tls.client_auth, ClientAuth::kRequireAny);
}

TEST(WebConfig, WhoeverConfiguresALoginClosesTheDoor) {
  const std::string user = std::string("basic_auth_users: {alice: ") + kHash + "}\n";
  const std::string token = "kvm_tsc: {tokens: [{name: a, sha256: " + kDigest + "}]}\n";
  const std::string opened = "kvm_tsc: {require_auth: false}\n";
  EXPECT_TRUE(parse_web_config(user, "web.yml")->require_auth);
  EXPECT_TRUE(parse_web_config(token, "web.yml")->require_auth);
  EXPECT_FALSE(parse_web_config(user + opened, "web.yml")->require_auth);
  EXPECT_FALSE(parse_web_config("basic_auth_users: {}\n", "web.yml")->require_auth);
  EXPECT_FALSE(parse_web_config("http_server_config: {}\n", "web.yml")->require_auth);
  EXPECT_TRUE(parse_web_config("kvm_tsc: {require_auth: true}\n", "web.yml")->require_auth);
}

// As in a file of which parts are commented out.
TEST(WebConfig, AKeyWithoutAValueIsNotGiven) {
  for (const char* yaml : {"tls_server_config:\n", "tls_server_config: {}\n",
                           "http_server_config: {http2: , headers: }\n",
                           "http_server_config: {headers: {X-XSS-Protection: }}\n"}) {
    const auto config = parse_web_config(yaml, "web.yml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_FALSE(config->has_tls);
    EXPECT_TRUE(config->headers.empty());
  }
  const auto tls = parse_web_config(
      "tls_server_config: {cert_file: a, key_file: b, cert: , client_auth_type: }\n", "web.yml");
  ASSERT_TRUE(tls) << tls.error().message;
  EXPECT_EQ(tls->tls.client_auth, ClientAuth::kNone);
}

TEST(WebConfig, TrueAndFalseHaveManyWords) {
  for (const char* word : {"true", "Yes", "ON", "y"}) {
    const auto config =
        parse_web_config(std::string("kvm_tsc: {require_auth: ") + word + "}\n", "web.yml");
    ASSERT_TRUE(config) << word;
    EXPECT_TRUE(config->require_auth) << word;
  }
  for (const char* word : {"false", "No", "OFF", "n"}) {
    const auto config =
        parse_web_config(std::string("kvm_tsc: {require_auth: ") + word + "}\n", "web.yml");
    ASSERT_TRUE(config) << word;
    EXPECT_FALSE(config->require_auth) << word;
  }
}

TEST(WebConfig, HeadersAreExporterToolkits) {
  const auto config = parse_web_config(R"(
http_server_config:
  headers:
    X-Frame-Options: sameorigin
    X-Content-Type-Options: nosniff
    X-XSS-Protection: 1
    Strict-Transport-Security: max-age=1; includeSubDomains
    Content-Security-Policy: ""
)",
                                       "web.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->headers,
              ElementsAre(std::pair("X-Frame-Options", "sameorigin"),
                          std::pair("X-Content-Type-Options", "nosniff"),
                          std::pair("X-XSS-Protection", "1"),
                          std::pair("Strict-Transport-Security", "max-age=1; includeSubDomains")));
  EXPECT_THAT(refusal("http_server_config: {headers: {X-Frame-Options: DENY}}\n"),
              HasSubstr("\"DENY\" means nothing; it takes deny or sameorigin"));
  EXPECT_THAT(refusal("http_server_config: {headers: {X-Content-Type-Options: sniff}}\n"),
              HasSubstr("it takes nosniff"));
}

TEST(WebConfig, ARateLimitIsAnIntervalAndABurst) {
  using namespace std::chrono_literals;
  using Rate = std::pair<std::chrono::nanoseconds, std::uint64_t>;
  const auto rate = [](const std::string& yaml) {
    const auto config = parse_web_config("rate_limit: " + yaml + "\n", "web.yml");
    EXPECT_TRUE(config) << config.error().message;
    return config ? Rate(config->rate_limit.interval, config->rate_limit.burst) : Rate(-1ns, 0);
  };
  EXPECT_EQ(rate("{interval: 0, burst: 0}"), Rate(0ns, 1));
  EXPECT_EQ(rate("{interval: 1s, burst: 0}"), Rate(1s, 1u));
  EXPECT_EQ(rate("{interval: 100ms}"), Rate(100ms, 1u));
  EXPECT_EQ(rate("{interval: 1000000000, burst: 1000000000}"), Rate(1s, 1'000'000'000u));
  EXPECT_EQ(rate("{interval: , burst: }"), Rate(0ns, 1));
  EXPECT_EQ(rate(""), Rate(0ns, 1));
  for (const char* yaml : {"{interval: -1s}", "{interval: soon}", "{interval: [1s]}",
                           "{interval: {s: 1}}", "{interval: 1000000000s000}", "{interval: true}",
                           "{burst: -1}", "{burst: 1.5}", "{burst: many}", "{burst: [1]}",
                           "{burst: 99999999999999999999}", "[1s, 1]", "1s", "{rate: 1}"}) {
    EXPECT_THAT(refusal(std::string("rate_limit: ") + yaml + "\n"), HasSubstr(":1: rate_limit"));
  }
}

TEST(WebConfig, SaysWhereAndWhatIsWrong) {
  EXPECT_THAT(refusal("basic_auth_user: {}\n"), HasSubstr("/etc/web.yml:1: basic_auth_user"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a}\n"), HasSubstr("key_file is missing"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: \"\", key_file: b}\n"),
              HasSubstr("cert_file is missing"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, cert: b, key_file: c}\n"),
              HasSubstr("tls_server_config.cert: given twice"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, min_version: TLS111}\n"),
              HasSubstr("TLS12 or TLS13"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}\n"),
              HasSubstr("no certificate is asked of clients"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Yes}\n"),
              HasSubstr("\"Yes\" is not known"));
  for (const char* wrong :
       {"min_version: [TLS12]", "max_version: {}", "cipher_suites: TLS_AES_128_GCM_SHA256",
        "cipher_suites: {a: b}", "cipher_suites: [[]]", "cipher_suites: [\"\"]",
        "curve_preferences: X25519", "curve_preferences: [x25519]", "curve_preferences: [{}]",
        "prefer_server_cipher_suites: [true]", "prefer_server_cipher_suites: 1", "cert: [a]",
        "key: {}", "client_ca: []", "client_auth_type: []", "client_allowed_sans: a",
        "client_allowed_sans: [[a]]", "client_allowed_sans: {a: b}"}) {
    EXPECT_THAT(
        refusal(std::string("tls_server_config: {cert_file: a, key_file: b, ") + wrong + "}\n"),
        HasSubstr(":1: tls_server_config"));
  }
  EXPECT_THAT(refusal("tls_server_config: [a]\n"), HasSubstr("not a map"));
  EXPECT_THAT(refusal("basic_auth_users: {alice: secret}\n"), HasSubstr("no bcrypt hash"));
  EXPECT_THAT(refusal("kvm_tsc: {users: {alice: {role: operator}}}\n"), HasSubstr("no such user"));
  EXPECT_THAT(refusal("kvm_tsc: {require_auth: maybe}\n"), HasSubstr("neither true nor false"));
  EXPECT_THAT(refusal("kvm_tsc: {tokens: [{name: a, sha256: short}]}\n"), HasSubstr("64"));
  EXPECT_THAT(refusal("kvm_tsc: {tokens: [{sha256: " + kDigest + "}]}\n"), HasSubstr("no name"));
  EXPECT_THAT(refusal("kvm_tsc: {tokens: {name: a}}\n"), HasSubstr("not a list"));
  EXPECT_THAT(refusal("kvm_tsc: {tokens: [{name: a, sha256: " + kDigest + ", role: root}]}\n"),
              HasSubstr("\"root\" is no role"));
  EXPECT_THAT(refusal("kvm_tsc: {tokens: [{name: \"a\\nb\", sha256: " + kDigest + "}]}\n"),
              HasSubstr("no name"));
  EXPECT_THAT(refusal("kvm_tsc: {tokens: [{name: a, sha256: " + kDigest + ", vms: [\"\"]}]}\n"),
              HasSubstr("no VM's"));
}

TEST(WebConfig, AMistakeIsToldInText) {
  EXPECT_THAT(refusal("kvm_tsc: \"\\\xC3\xA9\"\n"), HasSubstr("character: \xEF\xBF\xBD;"));
}

TEST(WebConfig, RefusesWhatCouldNotBeServed) {
  EXPECT_THAT(refusal("tls_server_config: {cert_file: \"a\\0\", key_file: b}\n"), HasSubstr("NUL"));
  for (const char* header :
       {"Content-Length: \"0\"", "\"X-A: b\": c", "\"\": c", "x-frame-options: deny"}) {
    EXPECT_THAT(refusal(std::string("http_server_config: {headers: {") + header + "}}\n"),
                HasSubstr("unknown key"))
        << header;
  }
  EXPECT_THAT(refusal("http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nB: c\"}}\n"),
              HasSubstr("not one line"));
  for (const char* name : {"\"\"", "\"a:b\"", "\"a\\0\""}) {
    EXPECT_THAT(refusal(std::string("basic_auth_users: {") + name + ": \"" + kHash + "\"}\n"),
                HasSubstr("nobody can log in"))
        << name;
  }
  for (const char* damage : {"$2y$xx$", "$2y$03$", "$2y$32$", "$2y$10$!"}) {
    const std::string hash = damage + std::string(kHash).substr(std::string(damage).size());
    EXPECT_THAT(refusal("basic_auth_users: {alice: \"" + hash + "\"}\n"),
                HasSubstr("no bcrypt hash"))
        << damage;
  }
}

}  // namespace
}  // namespace kvmtsc
