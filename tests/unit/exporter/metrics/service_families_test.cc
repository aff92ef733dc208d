#include "exporter/metrics/service_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/metrics/exposition.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(const ServiceFacts& facts) {
  Families families;
  append_service_families(facts, families);
  return expose(families, ExpositionFormat::kText);
}

TEST(ServiceFamilies, SayWhatBecameOfTheConfiguration) {
  ServiceFacts facts;
  facts.last_good_reload = {std::chrono::milliseconds(1'764'205'200'500)};
  const std::string refused = text_of(facts);
  EXPECT_THAT(refused, HasSubstr("\nkvm_tsc_config_last_reload_successful 0\n"));
  EXPECT_THAT(refused,
              HasSubstr("\nkvm_tsc_config_last_reload_success_timestamp_seconds 1764205200.5\n"));
  facts.reload_succeeded = true;
  EXPECT_THAT(text_of(facts), HasSubstr("\nkvm_tsc_config_last_reload_successful 1\n"));
}

// A first failure is seen as an increase only where there was a 0 before.
TEST(ServiceFamilies, CountLoginsFromZero) {
  EXPECT_THAT(text_of({}), HasSubstr("\nkvm_tsc_login_failures_total 0\n"));
  EXPECT_THAT(text_of({}), HasSubstr("\nkvm_tsc_login_lockouts_total 0\n"));
  EXPECT_THAT(text_of({}), HasSubstr("\nkvm_tsc_requests_rate_limited_total 0\n"));
}

TEST(ServiceFamilies, HaveNoCertificateWithoutOne) {
  EXPECT_THAT(text_of({}), Not(HasSubstr("kvm_tsc_tls")));
  ServiceFacts facts;
  facts.certificate_not_after = RealTime{std::chrono::seconds(1'800'000'001)};
  EXPECT_THAT(text_of(facts),
              HasSubstr("\nkvm_tsc_tls_certificate_not_after_timestamp_seconds 1800000001\n"));
}

TEST(ServiceFamilies, TellOfTheAuditOnceItIsKnown) {
  EXPECT_THAT(text_of({}), Not(HasSubstr("kvm_tsc_audit_writable")));
  ServiceFacts facts;
  facts.audit_writable = false;
  EXPECT_THAT(text_of(facts), HasSubstr("\nkvm_tsc_audit_writable 0\n"));
  facts.audit_writable = true;
  EXPECT_THAT(text_of(facts), HasSubstr("\nkvm_tsc_audit_writable 1\n"));
}

}  // namespace
}  // namespace kvmtsc
