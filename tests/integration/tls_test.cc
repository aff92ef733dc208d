// The service over TLS: whom it believes, whom it is believed by, and certificates that change.
#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/integration/certificates.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
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
    std::string yaml = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    const std::string file = directory_.write("web.yml", yaml + more);
    ExporterOptions options;
    options.flags = {"--web.config.file=" + file};
    auto exporter = Exporter::start(options);
    ASSERT_OK(exporter);
    exporter_ = std::move(*exporter);
  }

  // Knows the right CA.
  TlsClient client(int version = 0) const {
    return *TlsClient::make({authority_->certificate(), "", "", version});
  }
  TlsClient client(const CertificateFiles& own) const {
    return *TlsClient::make({authority_->certificate(), own.certificate, own.key});
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

TEST_F(TlsTest, PlainHttpOnItsPortEndsAtOnce) {
  ASSERT_NO_FATAL_FAILURE(start());
  fakes::HttpConnection plain("127.0.0.1:" + std::to_string(exporter_->port()));
  ASSERT_TRUE(plain.send("GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n"));
  EXPECT_TRUE(plain.closed_within(Milliseconds{1000}));
  EXPECT_FALSE(exporter_->get("/metrics").ok());
  expect_served(client());
}

TEST_F(TlsTest, ServesACertificateThatWasRenewed) {
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(server_name(), "server");
  const auto renewed = authority_->issue("renewed");
  ASSERT_OK(renewed);
  move_into_place(*renewed);
  EXPECT_TRUE(eventually(kPatience, [this] { return server_name() == "renewed"; }))
      << server_name();
  ASSERT_OK(exporter_->process().find_error_line("TLS certificate read again", kPatience));
  expect_served(client());
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
