// The golden files of tests/fixtures, judged by others: promtool and prometheus_client.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/fakes/fixture_hosts.h"
#include "tests/integration/exposition.h"
#include "tests/integration/format_judges.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

class GoldenFormatsTest : public testing::TestWithParam<const char*> {
 protected:
  static std::string golden(const std::string& name) {
    constexpr std::size_t kMaxGolden = std::size_t{1024} * 1024;
    const auto text =
        read_file(std::string(KVM_TSC_FIXTURES "/") + GetParam() + "/" + name, kMaxGolden);
    EXPECT_TRUE(text.ok()) << text.error().text();
    return text.ok() ? *text : std::string();
  }
};

TEST_P(GoldenFormatsTest, PromtoolHasNoComplaintAboutTheText) {
  REQUIRE_PROMETHEUS("promtool");
  EXPECT_EQ(promtool_complaints(golden("metrics.txt")), "");
}

TEST_P(GoldenFormatsTest, StrictParserReadsTheOpenMetrics) {
  REQUIRE_PRESENT(missing_openmetrics_parser());
  const std::string text = golden("metrics.openmetrics");
  const auto samples = parse_exposition(text);
  ASSERT_OK(samples);
  const auto counted = count_openmetrics_samples(text);
  ASSERT_OK(counted);
  EXPECT_EQ(*counted, samples->all().size());
}

std::string test_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Hosts, GoldenFormatsTest, testing::ValuesIn(fakes::kFixtureHosts),
                         test_name);

}  // namespace
}  // namespace kvmtsc::integration
