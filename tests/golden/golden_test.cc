// From the files of a host to /metrics: each tree of tests/fixtures, through identity, source,
// sweep and exposition, gives its metrics.txt and metrics.openmetrics byte for byte.
//
// `make golden` (KVM_TSC_REGENERATE=1) writes those two anew; look at what it changed.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/host_root.h"
#include "base/version.h"
#include "collectors/debugfs/debugfs_source.h"
#include "collectors/proc_identifier.h"
#include "collectors/sweep.h"
#include "collectors/system_host_clock.h"
#include "exporter/metrics/exposition.h"
#include "exporter/metrics/families.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fixture_hosts.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = KVM_TSC_FIXTURES;

// What the service says of the host below `root` after two sweeps, which confirm each other. The
// families of the service's own process are left out, for they differ from run to run.
Families families_of(const fs::path& root) {
  const HostRoot host{root / "proc", root / "sys", root / "debugfs"};
  FakeClock clock;
  auto rules = IdentityRules::compile({});
  EXPECT_TRUE(rules);
  ProcIdentifier identifier(host, *std::move(rules));
  DebugfsSource source(host, identifier, clock);
  SystemHostClock host_clock(host, clock);
  const SweepOptions options;
  Sweep sweep(options, clock, host_clock, {&source});
  sweep.run();
  clock.advance(options.interval);
  const auto snapshot = sweep.run();
  Families families;
  append_vm_families(*snapshot, families);
  append_host_families(*snapshot, families);
  append_build_info({"1.2.3", "0123456789ab", "a compiler"}, families);
  return families;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file << " is missing; `make golden` writes it";
  return {std::istreambuf_iterator<char>(in), {}};
}

bool regenerating() {
  const char* const value = std::getenv("KVM_TSC_REGENERATE");
  return value != nullptr && std::string_view(value) == "1";
}

std::string test_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

class Golden : public testing::TestWithParam<const char*> {
 protected:
  const fs::path host_ = kFixtures / GetParam();
};

TEST_P(Golden, IsWhatTheHostGives) {
  const Families families = families_of(host_);
  const std::map<std::string, ExpositionFormat> goldens{
      {"metrics.txt", ExpositionFormat::kText},
      {"metrics.openmetrics", ExpositionFormat::kOpenMetrics}};
  for (const auto& [name, format] : goldens) {
    const std::string given = expose(families, format);
    if (regenerating()) {
      std::ofstream(host_ / name, std::ios::binary | std::ios::trunc) << given;
    }
    EXPECT_EQ(read(host_ / name), given) << host_ / name;
  }
  if (regenerating()) {
    GTEST_SKIP() << "written anew, not compared";
  }
}

// Copies a tree entry by entry in the given order of names, which on most file systems decides the
// order in which they are listed, and gives every directory an inode of its own.
void copy_in_order(const fs::path& from, const fs::path& to, bool ascending) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(from)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  if (!ascending) {
    std::ranges::reverse(names);
  }
  fs::create_directory(to);
  for (const fs::path& name : names) {
    if (fs::is_directory(fs::symlink_status(from / name))) {
      copy_in_order(from / name, to / name, ascending);
    } else {
      fs::copy(from / name, to / name, fs::copy_options::copy_symlinks);
    }
  }
}

TEST_P(Golden, OrderOfDirectoriesAndInodesDoNotShow) {
  const TemporaryDirectory directory;
  const std::string given = expose(families_of(host_), ExpositionFormat::kText);
  for (const bool ascending : {true, false}) {
    const fs::path copy = fs::path(directory.path()) / (ascending ? "ascending" : "descending");
    copy_in_order(host_, copy, ascending);
    EXPECT_EQ(expose(families_of(copy), ExpositionFormat::kText), given);
  }
}

INSTANTIATE_TEST_SUITE_P(Hosts, Golden, testing::ValuesIn(fakes::kFixtureHosts), test_name);

TEST(GoldenHosts, NoneIsForgotten) {
  std::vector<std::string> present;
  for (const auto& entry : fs::directory_iterator(kFixtures)) {
    if (entry.is_directory()) {
      present.push_back(entry.path().filename());
    }
  }
  EXPECT_THAT(present, testing::UnorderedElementsAreArray(fakes::kFixtureHosts));
}

}  // namespace
}  // namespace kvmtsc
