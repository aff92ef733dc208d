#include "collectors/system_host_clock.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kMaxCpuinfo = std::size_t{16} * 1024 * 1024;  // thousands of CPUs

// The flags of the first CPU that say something of its TSC (arch/x86/include/asm/cpufeatures.h).
Result<std::vector<std::string>> read_tsc_flags(const std::string& cpuinfo_path) {
  constexpr std::array<std::string_view, 8> kTelling{
      "tsc",          "rdtscp",         "constant_tsc",       "nonstop_tsc",
      "tsc_reliable", "tsc_known_freq", "tsc_deadline_timer", "tsc_adjust"};
  const auto cpuinfo = read_file(cpuinfo_path, kMaxCpuinfo);
  if (!cpuinfo) {
    return cpuinfo.error();
  }
  std::vector<std::string> flags;
  for (const auto line : split(*cpuinfo, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != "flags") {
      continue;
    }
    for (const auto flag : split(trim(line.substr(colon + 1)), ' ')) {
      if (std::ranges::find(kTelling, flag) != kTelling.end()) {
        flags.emplace_back(flag);
      }
    }
    break;
  }
  std::ranges::sort(flags);
  return flags;
}

// The tightest of a few brackets: an interrupt in between only ever widens one.
ClockBracket tightest_bracket(const Clock& clock) {
  constexpr int kTries = 5;
  ClockBracket best;
  for (int i = 0; i < kTries; ++i) {
    ClockBracket bracket;
    bracket.tsc_before = clock.host_tsc();
    bracket.raw = clock.monotonic_raw();
    bracket.tsc_after = clock.host_tsc();
    if (i == 0 || bracket.tsc_after - bracket.tsc_before < best.tsc_after - best.tsc_before) {
      best = bracket;
    }
  }
  return best;
}

}  // namespace

SystemHostClock::SystemHostClock(const HostRoot& root, const Clock& clock)
    : root_(root), clock_(&clock) {}

Result<HostClock> SystemHostClock::read() {
  const auto clocksource =
      read_file(root_.sys + "/devices/system/clocksource/clocksource0/current_clocksource", 4096);
  if (!clocksource) {
    return clocksource.error();
  }
  HostClock host;
  host.clocksource = trim(*clocksource);
  if (!tsc_flags_) {
    if (auto flags = read_tsc_flags(root_.proc + "/cpuinfo")) {
      tsc_flags_ = *std::move(flags);
    }
  }
  host.tsc_flags = tsc_flags_.value_or(std::vector<std::string>{});
  meter_.observe(tightest_bracket(*clock_));
  host.tsc_frequency = meter_.frequency();
  const TimeDiscipline discipline = clock_->discipline();
  host.synchronized = discipline.synchronized;
  host.realtime_bound = discipline.max_error;
  return host;
}

}  // namespace kvmtsc
