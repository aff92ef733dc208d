// Files of exporter-toolkit's format, each of which is taken or refused as exporter-toolkit does
// (its web/tls_config_test.go has files of the same kinds), and those where we differ on purpose
// (docs/security.md). The program itself judges them, so that what a file names is read as well.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"
#include "tests/integration/certificates.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{20000};
constexpr const char* kPair =
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
constexpr const char* kHash = "$2y$10$vI8aWBnW3fID.ZQ4/zo1G.q1lRps.9cGLcZEiGDMVr5yUP1KUOYTa";

class WebFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_PROGRAM("openssl");
    const auto authority = CertificateAuthority::make(directory_, "ca");
    ASSERT_OK(authority);
    ASSERT_OK(authority->issue("server"));
    ASSERT_OK(authority->issue("other"));
    directory_.write("nothing.pem", "");
  }

  std::string text_of(const std::string& key, const std::string& name) const {
    return yaml_text(key, directory_.path() + "/" + name);
  }

  Finished check(const std::string& yaml) const {
    const std::string file = directory_.write("web.yml", yaml);
    const auto ended = run_program(
        {product_program("kvm-tsc-exporter"), "--config.check", "--web.config.file=" + file}, "",
        kPatience);
    EXPECT_OK(ended);
    return ended ? *ended : Finished{};
  }
  void expect_taken(const std::vector<std::string>& files) const {
    for (const std::string& yaml : files) {
      const auto ended = check(yaml);
      EXPECT_EQ(ended.status.code, 0) << yaml << ended.error_output;
    }
  }
  // `why` is part of what is said.
  struct Refused {
    std::string yaml;
    std::string why;
  };
  void expect_refused(const std::vector<Refused>& files) const {
    for (const Refused& file : files) {
      const auto ended = check(file.yaml);
      EXPECT_EQ(ended.status.code, 2) << file.yaml;
      EXPECT_NE(ended.error_output.find(file.why), std::string::npos)
          << file.yaml << ended.error_output;
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(WebFilesTest, NothingAndWhatIsNoSuchFile) {
  expect_taken({"", "# nothing\n", "tls_server_config:\n", "tls_server_config: {}\n"});
  expect_refused({{"aGVsbG8gd29ybGQ\nYW5kIGdvb2RieQ\n", "not a map"},
                  {"tls_server_config:\n  cert_fille: server.crt\n", "did you mean \"cert_file\""},
                  {"[]\n", "not a map"}});
}

TEST_F(WebFilesTest, CertificateAndKey) {
  const std::string section = "tls_server_config:\n";
  const std::string cert = "  cert_file: server.crt\n";
  const std::string key = "  key_file: server.key\n";
  expect_taken({kPair, section + text_of("cert", "server.crt") + text_of("key", "server.key"),
                section + cert + text_of("key", "server.key"),
                section + text_of("cert", "server.crt") + key});
  expect_refused(
      {{section + "  cert_file: \"\"\n" + key, "cert_file is missing"},
       {section + "  cert: \"\"\n" + key, "cert_file is missing"},
       {section + cert + "  key_file: \"\"\n", "key_file is missing"},
       {section + cert + "  key: \"\"\n", "key_file is missing"},
       {section + "  cert_file: \"\"\n  key_file: \"\"\n  client_auth_type: x\n", "is not known"},
       {section + "  cert_file: none.crt\n" + key, "none.crt: No such file"},
       {section + cert + "  key_file: none.key\n", "none.key: No such file"},
       {section + "  cert_file: none.crt\n  key_file: none.key\n", "none.crt: No such file"},
       {section + cert + "  key_file: other.key\n", "is not the key of"},
       {section + "  cert: hello\n" + key, "tls_server_config.cert: no certificate in it"},
       {section + cert + "  key: hello\n", "tls_server_config.key: no private key"},
       // On purpose: exporter-toolkit takes the file, or serves plain HTTP.
       {section + cert + key + text_of("cert", "server.crt"), "given twice"},
       {section + "  min_version: TLS13\n", "cert_file is missing"}});
}

// On purpose: exporter-toolkit serves it, OpenSSL nobody.
TEST_F(WebFilesTest, WeakKeys) {
  const std::string file = directory_.path() + "/weak";
  const auto made =
      run_program({"openssl", "req", "-x509", "-newkey", "rsa:1024", "-noenc", "-days", "1",
                   "-subj", "/CN=weak", "-out", file + ".crt", "-keyout", file + ".key"},
                  "", kPatience);
  ASSERT_OK(made);
  ASSERT_EQ(made->status.code, 0) << made->error_output;
  expect_refused({{"tls_server_config:\n  cert_file: weak.crt\n  key_file: weak.key\n",
                   "weak.crt: ee key too small"}});
}

TEST_F(WebFilesTest, ClientCertificates) {
  const std::string pair = kPair;
  const std::string ca = "  client_ca_file: ca.crt\n";
  for (const char* type : {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert",
                           "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"}) {
    const std::string asked = pair + "  client_auth_type: " + type + "\n";
    expect_taken({asked, asked + ca, asked + text_of("client_ca", "ca.crt")});
  }
  expect_taken({pair + "  client_auth_type: NoClientCert\n", pair + "  client_auth_type: \"\"\n"});
  expect_refused(
      {{pair + ca, "no certificate is asked of clients"},
       {pair + "  client_auth_type: NoClientCert\n" + ca, "no certificate is asked of clients"},
       {pair + "  client_ca_file: none.crt\n", "no certificate is asked of clients"},
       {pair + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: none.crt\n",
        "none.crt: No such file"},
       {pair + "  client_auth_type: Always\n", "is not known"},
       // On purpose: exporter-toolkit then lets nobody in, and does not say so.
       {pair + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: nothing.pem\n",
        "nothing.pem: no certificate in it"}});
}

TEST_F(WebFilesTest, NamesOnClientCertificates) {
  const std::string pair = kPair;
  const std::string names = "  client_allowed_sans:\n    - one\n    - test3\n";
  for (const char* type : {"RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
                           "RequireAndVerifyClientCert"}) {
    expect_taken({pair + names + "  client_auth_type: " + type + "\n"});
  }
  const std::string verified = pair + "  client_auth_type: RequireAndVerifyClientCert\n";
  expect_taken({verified + "  client_allowed_sans:\n"});
  expect_refused({{verified + "  client_allowed_sans: one\n", "not a list"},
                  {verified + "  client_allowed_sans: [{a: b}]\n", "it is a map"},
                  // On purpose: exporter-toolkit lets anybody in, or nobody.
                  {pair + names, "anybody gets in"},
                  {verified + "  client_allowed_sans: []\n", "has one of none"}});
}

TEST_F(WebFilesTest, Versions) {
  const std::string pair = kPair;
  for (const char* version : {"TLS10", "TLS11", "TLS12", "TLS13"}) {
    expect_taken({pair + "  min_version: " + version + "\n",
                  pair + "  min_version: TLS10\n  max_version: " + version + "\n"});
  }
  expect_refused({{pair + "  min_version: TLS111\n", "no version of TLS"},
                  {pair + "  max_version: 1.2\n", "no version of TLS"},
                  // On purpose: exporter-toolkit takes it, and then no client.
                  {pair + "  min_version: TLS13\n  max_version: TLS12\n", "no version is left"}});
}

TEST_F(WebFilesTest, CiphersAndCurves) {
  const std::string pair = kPair;
  const std::string ciphers = pair + "  cipher_suites:\n";
  const std::string aes128 = "  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n";
  const std::string aes256 = "  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n";
  std::string all;
  for (const char* name :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    all += std::string("  - ") + name + "\n";
  }
  for (const char* authentication : {"ECDSA", "RSA"}) {
    for (const char* rest : {"AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256",
                             "AES_128_CBC_SHA", "AES_256_CBC_SHA"}) {
      all += std::string("  - TLS_ECDHE_") + authentication + "_WITH_" + rest + "\n";
    }
  }
  expect_taken({ciphers, ciphers + all, ciphers + aes128 + aes256 + "  max_version: TLS12\n",
                ciphers + aes256 + aes128 + "  prefer_server_cipher_suites: false\n",
                ciphers + aes256 + "http_server_config:\n  http2: false\n",
                ciphers + aes256 + "  min_version: TLS13\n",
                pair + "  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n",
                pair + "  min_version: TLS13\n  curve_preferences:\n  - CurveP521\n"});
  expect_refused(
      {{ciphers + "  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048\n", "is not known"},
       {ciphers + aes128 + "  - TLS_RSA_WITH_AES_128_CBC_SHA\n", "is not known"},
       {ciphers + aes256, "HTTP/2 takes one"},
       {ciphers + aes256 + "  max_version: TLS12\n", "HTTP/2 takes one"},
       {pair + "  curve_preferences:\n  - CurveP257\n", "is not known"},
       {pair + "  prefer_server_cipher_suites: perhaps\n", "neither true nor false"},
       // On purpose: exporter-toolkit takes it, and then no client.
       {ciphers + "  - TLS_AES_128_GCM_SHA256\n  max_version: TLS12\nhttp_server_config:\n" +
            "  http2: false\n",
        "none is left"}});
}

TEST_F(WebFilesTest, Headers) {
  const std::string headers = "http_server_config:\n  headers:\n";
  expect_taken({headers + "    X-Frame-Options: deny\n"
                          "    Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
                          "    X-Content-Type-Options: nosniff\n"
                          "    X-XSS-Protection: 1\n"
                          "    Content-Security-Policy: \"default-src 'self'\"\n",
                headers + "    X-Frame-Options: sameorigin\n",
                "http_server_config:\n  http2: false\n"});
  expect_refused({{headers + "    X-Content-Type-Options: sniff\n", "means nothing"},
                  {headers + "    X-Frame-Options: allow\n", "means nothing"},
                  {headers + "    Content-Type: text/html\n", "unknown key"},
                  {"http_server_config:\n  http2: perhaps\n", "neither true nor false"}});
}

TEST_F(WebFilesTest, RateLimits) {
  const std::string limit = "rate_limit:\n  interval: ";
  expect_taken({limit + "0\n  burst: 0\n", limit + "\"1s\"\n  burst: 0\n",
                limit + "1.5s\n  burst: 1000000000\n"});
  expect_refused({{limit + "soon\n", "is no duration"},
                  {limit + "1s\n  burst: many\n", "no number of requests"},
                  // On purpose: exporter-toolkit lets nobody in, or everybody.
                  {limit + "1s\n  burst: -1\n", "no number of requests"},
                  {limit + "-1s\n", "is no duration"}});
}

TEST_F(WebFilesTest, Users) {
  const std::string users = std::string("basic_auth_users:\n  alice: ") + kHash + "\n";
  expect_taken({users, kPair + users, "basic_auth_users:\n"});
  expect_refused({{"basic_auth_users:\n  alice: secret\n", "no bcrypt hash"},
                  {kPair + std::string("basic_auth_users:\n  alice: secret\n"), "no bcrypt hash"}});
}

}  // namespace
}  // namespace kvmtsc::integration
