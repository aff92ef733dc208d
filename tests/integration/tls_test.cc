// The service over TLS: whom it believes, whom it is believed by, and certificates that change.
#include <signal.h>
#include <time.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/integration/certificates.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/exposition.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"
#include "tests/integration/tls_client.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{5000};

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_PROGRAM("openssl");
    auto authority = CertificateAuthority::make(directory_, "ca");
    ASSERT_OK(authority);
    authority_ = std::make_unique<CertificateAuthority>(*std::move(authority));
    auto other = CertificateAuthority::make(directory_, "other-ca");
    ASSERT_OK(other);
    other_ = std::make_unique<CertificateAuthority>(*std::move(other));
    ASSERT_OK(authority_->issue("server"));
  }

  // `more` are lines of tls_server_config.
  void start(const std::string& more = "") {
    start_with("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" + more);
  }
  void start_with(const std::string& yaml) {
    const std::string file = directory_.write("web.yml", yaml);
    ExporterOptions options;
    options.flags = {"--web.config.file=" + file};
    auto exporter = Exporter::start(options);
    ASSERT_OK(exporter);
    exporter_ = std::move(*exporter);
  }

  // The file's PEM text as the value of a key.
  std::string text_of(const std::string& key, const std::string& name) const {
    return yaml_text(key, directory_.path() + "/" + name);
  }
  // Knows the right CA.
  TlsClient client(int version = 0) const {
    return *TlsClient::make({authority_->certificate(), "", "", version});
  }
  TlsClient client(const CertificateFiles& own) const {
    return *TlsClient::make({authority_->certificate(), own.certificate, own.key});
  }
  TlsClient over(int version, const std::string& groups) const {
    return *TlsClient::make({authority_->certificate(), "", "", version, "", groups});
  }
  // The cipher, of those that the client offers, or why there is none.
  std::string agreed(int version, const std::string& ciphers) const {
    const auto offering = TlsClient::make({authority_->certificate(), "", "", version, ciphers});
    EXPECT_OK(offering);
    const auto connection = offering->connect(exporter_->port());
    return connection ? (*connection)->cipher() : connection.error().text();
  }
  Result<fakes::HttpReply> ask(const TlsClient& client) const {
    return client.get(exporter_->port(), "/-/healthy");
  }
  void expect_served(const TlsClient& client) const {
    const auto reply = ask(client);
    ASSERT_OK(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "healthy\n");
  }
  // Gets no answer, and OpenSSL says why.
  void expect_refused(const TlsClient& client, const std::string& why) const {
    const auto reply = ask(client);
    ASSERT_FALSE(reply.ok()) << "status " << reply->status;
    EXPECT_NE(reply.error().text().find(why), std::string::npos) << reply.error().text();
  }
  std::string server_name() const {
    const auto connection = client().connect(exporter_->port());
    return connection ? (*connection)->server_name() : connection.error().text();
  }
  // As programs that renew certificates do.
  void move_into_place(const CertificateFiles& files) const {
    std::filesystem::rename(files.certificate, directory_.path() + "/server.crt");
    std::filesystem::rename(files.key, directory_.path() + "/server.key");
  }

  TemporaryDirectory directory_;
  std::unique_ptr<CertificateAuthority> authority_;
  std::unique_ptr<CertificateAuthority> other_;
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(TlsTest, IsBelievedByThoseWhoKnowItsAuthority) {
  ASSERT_NO_FATAL_FAILURE(start());
  expect_served(client());
  expect_refused(*TlsClient::make({other_->certificate()}), "certificate verify failed");
}

TEST_F(TlsTest, SpeaksTls12AndLaterAndNothingOlder) {
  ASSERT_NO_FATAL_FAILURE(start());
  expect_served(client(TLS1_2_VERSION));
  expect_served(client(TLS1_3_VERSION));
  expect_refused(client(TLS1_1_VERSION), "protocol version");
  ASSERT_NO_FATAL_FAILURE(start("  min_version: TLS13\n"));
  expect_served(client(TLS1_3_VERSION));
  expect_refused(client(TLS1_2_VERSION), "protocol version");
}

TEST_F(TlsTest, SpeaksTheVersionsItIsToldTo) {
  ASSERT_NO_FATAL_FAILURE(start("  max_version: TLS12\n"));
  expect_served(client(TLS1_2_VERSION));
  expect_refused(client(TLS1_3_VERSION), "protocol version");
  ASSERT_NO_FATAL_FAILURE(start("  min_version: TLS11\n"));
  expect_served(client(TLS1_1_VERSION));
  expect_served(client(TLS1_3_VERSION));
  expect_refused(client(TLS1_VERSION), "protocol version");
}

TEST_F(TlsTest, SpeaksByTheCiphersItIsToldTo) {
  constexpr const char* kAes128 = "ECDHE-ECDSA-AES128-GCM-SHA256";
  constexpr const char* kAes256 = "ECDHE-ECDSA-AES256-GCM-SHA384";
  constexpr const char* kCbc = "ECDHE-ECDSA-AES256-SHA";
  const std::string both = std::string(kAes128) + ":" + kAes256;
  const std::string suites =
      "  cipher_suites:\n"
      "  - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n"
      "  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n";
  ASSERT_NO_FATAL_FAILURE(start(suites));
  EXPECT_EQ(agreed(TLS1_2_VERSION, kAes128), kAes128);
  EXPECT_EQ(agreed(TLS1_2_VERSION, both), kAes256);
  EXPECT_NE(agreed(TLS1_2_VERSION, kCbc).find("handshake failure"), std::string::npos);
  expect_served(client(TLS1_3_VERSION));  // whose suites are not for choosing
  ASSERT_NO_FATAL_FAILURE(start(suites + "  prefer_server_cipher_suites: false\n"));
  EXPECT_EQ(agreed(TLS1_2_VERSION, both), kAes128);
  // All there are, and none without forward secrecy.
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(agreed(TLS1_2_VERSION, kCbc), kCbc);
  EXPECT_NE(agreed(TLS1_2_VERSION, "AES128-GCM-SHA256").find("handshake failure"),
            std::string::npos);
}

TEST_F(TlsTest, SpeaksTls13AloneWhereAllCiphersAreOfIt) {
  ASSERT_NO_FATAL_FAILURE(
      start("  cipher_suites: [TLS_AES_128_GCM_SHA256]\nhttp_server_config:\n  http2: false\n"));
  expect_served(client(TLS1_3_VERSION));
  expect_refused(client(TLS1_2_VERSION), "protocol version");
}

TEST_F(TlsTest, SpeaksOverTheCurvesItIsToldTo) {
  ASSERT_NO_FATAL_FAILURE(start("  curve_preferences:\n  - CurveP521\n  - X25519\n"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    expect_served(over(version, "P-521:P-256"));
    expect_served(over(version, "X25519:P-256"));
    expect_refused(over(version, "P-384:P-256"), "handshake failure");
  }
}

TEST_F(TlsTest, TellsPlainHttpThatItsPortSpeaksTls) {
  ASSERT_NO_FATAL_FAILURE(start());
  for (const char* method : {"GET", "POST", "PUT"}) {
    fakes::HttpConnection plain("127.0.0.1:" + std::to_string(exporter_->port()));
    ASSERT_TRUE(plain.send(std::string(method) + " /-/healthy HTTP/1.1\r\nHost: test\r\n" +
                           "Content-Length: 20000\r\n\r\n" + std::string(20'000, 'x')));
    const auto reply = plain.receive();
    ASSERT_TRUE(reply) << method;
    EXPECT_EQ(reply->status, 400);
    EXPECT_EQ(reply->header("Content-Type"), "application/problem+json");
    EXPECT_NE(reply->body.find("speaks HTTPS"), std::string::npos) << reply->body;
    EXPECT_TRUE(plain.closed_within(Milliseconds{1000}));
  }
  const auto reply = exporter_->get("/metrics");
  ASSERT_OK(reply);
  EXPECT_EQ(reply->status, 400);
  expect_served(client());
}

// What is neither TLS nor HTTP gets no answer.
TEST_F(TlsTest, EndsWhatIsNoTls) {
  ASSERT_NO_FATAL_FAILURE(start());
  fakes::HttpConnection other("127.0.0.1:" + std::to_string(exporter_->port()));
  ASSERT_TRUE(other.send("SSH-2.0-OpenSSH_9.2\r\n"));
  EXPECT_TRUE(other.closed_within(Milliseconds{1000}));
  expect_served(client());
}

TEST_F(TlsTest, SaysWhichFileItMayNotRead) {
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("setpriv");
  const std::string web = directory_.write(
      "web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n");
  const std::string key = directory_.path() + "/server.key";
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  auto checked = Process::start({"setpriv", "--reuid=65534", "--clear-groups",
                                 product_program("kvm-tsc-exporter"), "--config.check",
                                 "--web.config.file=" + web});
  ASSERT_OK(checked);
  const auto status = (*checked)->wait_exit(kPatience);
  ASSERT_OK(status);
  EXPECT_EQ(status->code, 2);
  const std::string said = (*checked)->error_output();
  EXPECT_NE(said.find(key + ": Permission denied; let the user of this service (uid 65534)"),
            std::string::npos)
      << said;
}

TEST_F(TlsTest, ServesACertificateThatWasRenewed) {
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(server_name(), "server");
  const auto renewed = authority_->issue("renewed");
  ASSERT_OK(renewed);
  move_into_place(*renewed);
  EXPECT_TRUE(eventually(kPatience, [this] { return server_name() == "renewed"; }))
      << server_name();
  const auto line = exporter_->process().find_error_line("TLS certificate read again", kPatience);
  ASSERT_OK(line);
  EXPECT_NE(line->find("level=info"), std::string::npos) << *line;
  expect_served(client());
}

// Nobody has to connect first.
TEST_F(TlsTest, NoticesACertificateThatWasRenewedByItself) {
  ASSERT_NO_FATAL_FAILURE(start());
  const auto renewed = authority_->issue("renewed");
  ASSERT_OK(renewed);
  move_into_place(*renewed);
  ASSERT_OK(exporter_->process().find_error_line("TLS certificate read again", kPatience));
}

TEST_F(TlsTest, SaysWhenItsCertificateEnds) {
  ASSERT_NO_FATAL_FAILURE(start());
  const auto reply = client().get(exporter_->port(), "/metrics");
  ASSERT_OK(reply);
  const auto samples = parse_exposition(reply->body);
  ASSERT_OK(samples);
  const auto ends = samples->value("kvm_tsc_tls_certificate_not_after_timestamp_seconds");
  ASSERT_TRUE(ends);
  // The authority's certificates are valid for a day.
  const auto day_hence = static_cast<double>(::time(nullptr) + 24 * 60 * 60);
  EXPECT_NEAR(*ends, day_hence, 120);
}

TEST_F(TlsTest, KeepsItsCertificateWhereTheNewOneCannotBeUsed) {
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(server_name(), "server");
  const auto another = authority_->issue("another");
  ASSERT_OK(another);
  directory_.write("server.crt", "-----BEGIN CERTIFICATE-----\nnone\n");
  EXPECT_TRUE(eventually(kPatience, [this] {
    EXPECT_EQ(server_name(), "server");
    return exporter_->process().error_output().find("the old one stays") != std::string::npos;
  })) << exporter_->process().error_output();
  // A certificate without its key is none either.
  std::filesystem::rename(another->certificate, directory_.path() + "/server.crt");
  EXPECT_TRUE(eventually(kPatience, [this] {
    EXPECT_EQ(server_name(), "server");
    return exporter_->process().error_output().find("is not the key of") != std::string::npos;
  })) << exporter_->process().error_output();
  std::filesystem::rename(another->key, directory_.path() + "/server.key");
  EXPECT_TRUE(eventually(kPatience, [this] { return server_name() == "another"; }))
      << server_name();
}

TEST_F(TlsTest, AnswersOnlyThoseWithACertificateWhereOneIsRequired) {
  ASSERT_NO_FATAL_FAILURE(
      start("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"));
  const auto known = authority_->issue("prometheus");
  const auto unknown = other_->issue("stranger");
  ASSERT_OK(known);
  ASSERT_OK(unknown);
  expect_served(client(*known));
  expect_refused(client(), "certificate required");
  expect_refused(client(*unknown), "unknown ca");
  expect_served(client(*known));
}

TEST_F(TlsTest, ChecksACertificateThatIsGivenWhereNoneIsRequired) {
  ASSERT_NO_FATAL_FAILURE(
      start("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n"));
  const auto unknown = other_->issue("stranger");
  ASSERT_OK(unknown);
  expect_served(client());
  expect_refused(client(*unknown), "unknown ca");
}

// As everybody's web server does: those of whom the host knows nothing are strangers.
TEST_F(TlsTest, BelievesTheAuthoritiesOfTheHostWhereNoneIsGiven) {
  ASSERT_NO_FATAL_FAILURE(start("  client_auth_type: VerifyClientCertIfGiven\n"));
  const auto unknown = authority_->issue("stranger");
  ASSERT_OK(unknown);
  expect_served(client());
  expect_refused(client(*unknown), "unknown ca");
  ASSERT_EQ(::setenv("SSL_CERT_FILE", authority_->certificate().c_str(), 1), 0);
  ASSERT_NO_FATAL_FAILURE(start("  client_auth_type: RequireAndVerifyClientCert\n"));
  ::unsetenv("SSL_CERT_FILE");
  expect_served(client(*unknown));
  expect_refused(client(), "certificate required");
}

TEST_F(TlsTest, AsksForACertificateAndTakesAny) {
  const auto unknown = other_->issue("stranger");
  ASSERT_OK(unknown);
  for (const char* ca : {"", "  client_ca_file: ca.crt\n"}) {
    ASSERT_NO_FATAL_FAILURE(start(std::string("  client_auth_type: RequestClientCert\n") + ca));
    expect_served(client());
    expect_served(client(*unknown));
    ASSERT_NO_FATAL_FAILURE(start(std::string("  client_auth_type: RequireAnyClientCert\n") + ca));
    expect_refused(client(), "certificate required");
    expect_served(client(*unknown));
  }
}

TEST_F(TlsTest, TakesTheCertificatesOfAllowedNamesOnly) {
  const std::string verified =
      "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
  ASSERT_NO_FATAL_FAILURE(
      start(verified + "  client_allowed_sans:\n  - scraper.example\n  - ops@example.org\n"
                       "  - spiffe://example.org/prometheus\n  - 192.0.2.7\n  - 2001:db8::7\n"));
  int number = 0;
  const auto named = [&](const std::string& names) {
    const auto files = authority_->issue("client-" + std::to_string(number++), names);
    EXPECT_OK(files);
    return client(*files);
  };
  for (const char* names :
       {"DNS:scraper.example", "DNS:other.example,DNS:scraper.example", "email:ops@example.org",
        "URI:spiffe://example.org/prometheus", "IP:192.0.2.7", "IP:2001:db8:0::7"}) {
    SCOPED_TRACE(names);
    expect_served(named(names));
  }
  for (const char* names : {"", "DNS:other.example", "DNS:a.scraper.example", "DNS:*.example",
                            "IP:192.0.2.8", "email:scraper.example@example.org"}) {
    SCOPED_TRACE(names);
    expect_refused(named(names), "bad certificate");
  }
  expect_refused(client(), "certificate required");
  const auto unknown = other_->issue("stranger", "DNS:scraper.example");
  ASSERT_OK(unknown);
  expect_refused(client(*unknown), "unknown ca");
}

TEST_F(TlsTest, AsksForACertificateWhereOnlySomeNamesAreAllowed) {
  const auto named = other_->issue("named", "DNS:scraper.example");
  const auto unnamed = other_->issue("unnamed");
  ASSERT_OK(named);
  ASSERT_OK(unnamed);
  for (const char* type : {"RequestClientCert", "RequireAnyClientCert"}) {
    ASSERT_NO_FATAL_FAILURE(start(std::string("  client_auth_type: ") + type +
                                  "\n  client_allowed_sans: [scraper.example]\n"));
    expect_served(client(*named));
    expect_refused(client(*unnamed), "bad certificate");
    expect_refused(client(), "certificate required");
  }
  ASSERT_NO_FATAL_FAILURE(
      start("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: other-ca.crt\n"
            "  client_allowed_sans: [scraper.example]\n"));
  expect_served(client(*named));
  expect_refused(client(*unnamed), "bad certificate");
  expect_refused(client(), "certificate required");
}

// Whose own certificate is given as the authority, as exporter-toolkit's tests have it.
TEST_F(TlsTest, BelievesACertificateThatSignedItself) {
  const auto itself = CertificateAuthority::make(directory_, "itself");
  ASSERT_OK(itself);
  ASSERT_NO_FATAL_FAILURE(
      start("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: itself.crt\n"));
  expect_served(client({itself->certificate(), directory_.path() + "/itself.key"}));
}

TEST_F(TlsTest, ServesACertificateThatIsInTheConfigurationItself) {
  ASSERT_NO_FATAL_FAILURE(start_with("tls_server_config:\n" + text_of("cert", "server.crt") +
                                     text_of("key", "server.key") + text_of("client_ca", "ca.crt") +
                                     "  client_auth_type: RequireAndVerifyClientCert\n"));
  const auto known = authority_->issue("prometheus");
  const auto unknown = other_->issue("stranger");
  ASSERT_OK(known);
  ASSERT_OK(unknown);
  expect_served(client(*known));
  expect_refused(client(*unknown), "unknown ca");
}

TEST_F(TlsTest, ReadsTheFileOfAKeyAgainWhoseCertificateIsInTheConfiguration) {
  ASSERT_NO_FATAL_FAILURE(start_with("tls_server_config:\n" + text_of("cert", "server.crt") +
                                     "  key_file: server.key\n"));
  EXPECT_EQ(server_name(), "server");
  const auto another = authority_->issue("another");
  ASSERT_OK(another);
  std::filesystem::rename(another->key, directory_.path() + "/server.key");
  const auto line =
      exporter_->process().find_error_line("is not the key of tls_server_config.cert", kPatience);
  ASSERT_OK(line);
  EXPECT_NE(line->find("the old one stays"), std::string::npos) << *line;
  expect_served(client());
}

// Clients offer the session of the connection before, and a certificate does not change that.
TEST_F(TlsTest, ServesTheSameClientAgain) {
  ASSERT_NO_FATAL_FAILURE(
      start("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"));
  const auto known = authority_->issue("prometheus");
  ASSERT_OK(known);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto scraper =
        TlsClient::make({authority_->certificate(), known->certificate, known->key, version});
    ASSERT_OK(scraper);
    expect_served(*scraper);
    const auto again = scraper->connect(exporter_->port());
    ASSERT_OK(again) << " version " << version;
    EXPECT_TRUE((*again)->resumed()) << " version " << version;
    expect_served(*scraper);
  }
}

}  // namespace
}  // namespace kvmtsc::integration
