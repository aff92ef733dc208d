#include "exporter/metrics/process_families.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "exporter/metrics/exposition.h"
#include "tests/fakes/fake_clock.h"

namespace kvmtsc {
namespace {

TEST(ProcessFamilies, AreThoseOfThisProcess) {
  Families families;
  ProcessFamilies(system_clock()).append_to(families);
  const auto text = expose(families, ExpositionFormat::kText);
  for (const char* name :
       {"process_cpu_seconds_total", "process_start_time_seconds", "process_virtual_memory_bytes",
        "process_resident_memory_bytes", "process_open_fds", "process_max_fds"}) {
    EXPECT_NE(text.find(std::string("\n") + name + " "), std::string::npos) << name;
  }
}

TEST(ProcessFamilies, AreReadOnceASecondAtMost) {
  FakeClock clock;
  ProcessFamilies process(clock);
  const auto open_fds = [&] {
    Families families;
    process.append_to(families);
    const auto found =
        std::ranges::find(families, "process_open_fds", &prometheus::MetricFamily::name);
    return found == families.end() ? -1 : found->metric.at(0).gauge.value;
  };
  const double before = open_fds();
  const UniqueFd one_more(::dup(0));
  ASSERT_TRUE(one_more.valid());
  clock.advance(std::chrono::milliseconds(999));
  EXPECT_EQ(open_fds(), before);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(open_fds(), before + 1);
}

}  // namespace
}  // namespace kvmtsc
