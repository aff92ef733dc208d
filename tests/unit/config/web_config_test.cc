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
  min_version: TLS13
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
  EXPECT_EQ(config->tls.cert_file, "/etc/kvm/server.crt");
  EXPECT_EQ(config->tls.key_file, "/keys/server.key");
  EXPECT_EQ(config->tls.client_auth, ClientAuth::kRequireAndVerify);
  EXPECT_EQ(config->tls.client_ca_file, "/etc/kvm/ca.crt");
  EXPECT_EQ(config->tls.min_version, 13);
  EXPECT_THAT(config->headers, ElementsAre(std::pair("X-Frame-Options", "deny")));
  EXPECT_TRUE(config->require_auth);
  EXPECT_EQ(config->users.at("alice").access.role, WebRole::kOperator);
  EXPECT_THAT(config->users.at("alice").access.vms, ElementsAre("web-1", "web-2"));
  EXPECT_EQ(config->users.at("bob").access.role, WebRole::kViewer);
  EXPECT_EQ(config->tokens.at(0).name, "night");
}

TEST(WebConfig, SaysWhereAndWhatIsWrong) {
  EXPECT_THAT(refusal("basic_auth_user: {}\n"), HasSubstr("/etc/web.yml:1: basic_auth_user"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a}\n"), HasSubstr("cert_file and key_file"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}\n"),
              HasSubstr("TLS12 or TLS13"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}\n"),
              HasSubstr("is not used"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, client_auth_type: "
                      "RequireAndVerifyClientCert}\n"),
              HasSubstr("client_ca_file is missing"));
  EXPECT_THAT(refusal("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Yes}\n"),
              HasSubstr("\"Yes\" is not known"));
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
       {"Content-Length: \"0\"", "\"X-A: b\": c", "\"\": c", "X-A: \"a\\r\\nSet-Cookie: b\""}) {
    EXPECT_THAT(refusal(std::string("http_server_config: {headers: {") + header + "}}\n"),
                HasSubstr("no header"))
        << header;
  }
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
