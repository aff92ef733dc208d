#include "exporter/demo_banner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(DemoBanner, SaysWhatCanBeTyped) {
  EXPECT_THAT(demo_banner("127.0.0.1:10078", false, "abc", "off"),
              AllOf(HasSubstr("page   http://127.0.0.1:10078/\n"),
                    HasSubstr("curl -s http://127.0.0.1:10078/metrics"),
                    HasSubstr("KVM_TSC_SERVER=http://127.0.0.1:10078 KVM_TSC_TOKEN=abc\n"),
                    HasSubstr(" build/bin/kvm-tsc plan")));
}

TEST(DemoBanner, WithTlsItNeedsTheAuthoritysCertificate) {
  EXPECT_THAT(demo_banner("127.0.0.1:10078", true, "abc", "off"),
              AllOf(HasSubstr("page   https://127.0.0.1:10078/\n"),
                    HasSubstr("curl -s --cacert CA.pem https://127.0.0.1:10078/metrics"),
                    HasSubstr("KVM_TSC_SERVER=https://127.0.0.1:10078 "),
                    HasSubstr(" build/bin/kvm-tsc --cacert CA.pem plan")));
}

TEST(DemoBanner, AUnixSocketHasNoUrl) {
  EXPECT_THAT(
      demo_banner("unix:/tmp/s", true, "abc", "off"),
      AllOf(HasSubstr("curl -s --unix-socket /tmp/s http://localhost/metrics"),
            HasSubstr("KVM_TSC_SERVER=unix:/tmp/s "), HasSubstr(" build/bin/kvm-tsc plan")));
}

TEST(DemoBanner, SaysWhatIsDoneWithRealVms) {
  EXPECT_THAT(demo_banner("127.0.0.1:1", false, "abc", "off"),
              HasSubstr("This host's own VMs are read and not attached to (--attach.mode=off).\n"));
  EXPECT_THAT(demo_banner("127.0.0.1:1", false, "abc", "clock"),
              HasSubstr("are attached to, to read their clocks (--attach.mode=clock).\n"));
  EXPECT_THAT(demo_banner("127.0.0.1:1", false, "abc", "correct"),
              HasSubstr("are attached to, vCPUs as well (--attach.mode=correct).\n"));
}

TEST(DemoBanner, WithoutATokenItSaysThatNothingIsCorrected) {
  EXPECT_THAT(demo_banner("127.0.0.1:1", false, "", "off"),
              AllOf(HasSubstr("corrections are off (correction.enabled)\n"),
                    testing::Not(HasSubstr("KVM_TSC_TOKEN"))));
}

}  // namespace
}  // namespace kvmtsc
