#include "bench/sweep_bench.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/host_root.h"
#include "bench/bare_reads.h"
#include "bench/statistics.h"
#include "bench/stopwatch.h"
#include "collectors/debugfs/debugfs_source.h"
#include "collectors/proc_identifier.h"
#include "collectors/sweep.h"
#include "collectors/system_host_clock.h"

namespace kvmtsc::bench {
namespace {

constexpr std::size_t kDiscoveries = 5;
constexpr std::size_t kPairs = 250;
constexpr std::size_t kMostPairs = 3 * kPairs;
constexpr double kLimit = 1.3;
constexpr double kMicro = 1e6;
constexpr double kMilli = 1e3;

// A sweep of the host's VMs, as the service composes it.
class HostSweep {
 public:
  explicit HostSweep(const HostRoot& root)
      : identifier_(root, {}),
        source_(root, identifier_, system_clock()),
        host_clock_(root, system_clock()),
        // Sweeps follow each other at once here, and shall confirm each other nevertheless: the
        // analysis of skew is a part of what is measured.
        sweep_({.interval = Nanoseconds(2)}, system_clock(), host_clock_, {&source_}) {}

  // Replaces the snapshot, as publishing it does: freeing the former one is a part of the cost.
  void run() { snapshot_ = sweep_.run(); }
  const Snapshot& snapshot() const { return *snapshot_; }

 private:
  ProcIdentifier identifier_;
  DebugfsSource source_;
  SystemHostClock host_clock_;
  Sweep sweep_;
  SnapshotPtr snapshot_;
};

std::size_t vcpus_of(const Snapshot& snapshot) {
  std::size_t vcpus = 0;
  for (const VmState& vm : snapshot.vms) {
    vcpus += vm.reading ? vm.reading->vcpus.size() : 0;
  }
  return vcpus;
}

std::vector<VmKey> keys_of(const Snapshot& snapshot) {
  std::vector<VmKey> keys;
  for (const VmState& vm : snapshot.vms) {
    keys.push_back(vm.key);
  }
  return keys;
}

bool all_analysed(const Snapshot& snapshot) {
  return std::ranges::all_of(snapshot.vms, [](const VmState& vm) { return vm.skew.has_value(); });
}

struct Costs {
  Measurements whole;  // seconds a sweep
  Measurements ours;   // seconds a vCPU
  Measurements bare;   // seconds a vCPU
  std::size_t files = 0;
  std::size_t vcpus = 0;
};

// One sweep and one round of bare reads, whichever of them first, over the same VMs; nothing when a
// VM came or went meanwhile.
void measure_pair(HostSweep& sweep, const std::string& debugfs, bool bare_first, Costs& costs) {
  const std::vector<VmKey> before = keys_of(sweep.snapshot());
  const auto reads = BareReads::of(debugfs, sweep.snapshot());
  if (!reads) {
    return;
  }
  double ours = 0;
  double bare = 0;
  bool complete = true;
  const auto measure_bare = [&] {
    const Stopwatch watch;
    complete = reads->run().ok();
    bare = watch.seconds();
  };
  if (bare_first) {
    measure_bare();
  }
  const Stopwatch watch;
  sweep.run();
  ours = watch.seconds();
  if (!bare_first) {
    measure_bare();
  }
  if (!complete || keys_of(sweep.snapshot()) != before || !all_analysed(sweep.snapshot())) {
    return;
  }
  costs.vcpus = vcpus_of(sweep.snapshot());
  costs.files = reads->files();
  costs.whole.add(ours);
  costs.ours.add(ours / static_cast<double>(costs.vcpus));
  costs.bare.add(bare / static_cast<double>(costs.vcpus));
}

void report(const Costs& costs, const Measurements& discovery, Results& results) {
  const std::string pairs = std::to_string(costs.ours.count()) + " alternating rounds";
  results.note("sweeps", pairs + " over " + std::to_string(costs.vcpus) + " vCPUs, " +
                             std::to_string(costs.files) + " files");
  results.add({"sweep, a vCPU, median (baseline: bare openat+read+close)",
               "us",
               costs.ours.median() * kMicro,
               costs.bare.median() * kMicro,
               kLimit,
               {}});
  results.add({"sweep, a vCPU, p99 (baseline: likewise)",
               "us",
               costs.ours.p99() * kMicro,
               costs.bare.p99() * kMicro,
               std::nullopt,
               {}});
  results.add({"sweep, whole, median", "ms", costs.whole.median() * kMilli, {}, {}, {}});
  results.add({"sweep, whole, p99", "ms", costs.whole.p99() * kMilli, {}, {}, {}});
  results.add({"first sweep, with discovery and identification, median of " +
                   std::to_string(discovery.count()),
               "ms",
               discovery.median() * kMilli,
               {},
               {},
               {}});
}

}  // namespace

Status measure_sweeps(const std::string& debugfs, Results& results) {
  HostRoot root;
  root.debugfs = debugfs;
  Measurements discovery;
  std::optional<HostSweep> sweep;
  for (std::size_t i = 0; i < kDiscoveries; ++i) {
    sweep.emplace(root);
    const Stopwatch watch;
    sweep->run();
    discovery.add(watch.seconds());
  }
  Costs costs;
  for (std::size_t i = 0; i < kMostPairs && costs.ours.count() < kPairs; ++i) {
    measure_pair(*sweep, debugfs, i % 2 == 0, costs);
  }
  if (costs.ours.count() < kPairs) {
    return Error{ErrorKind::kTimeout,
                 "only " + std::to_string(costs.ours.count()) + " of " +
                     std::to_string(kMostPairs) +
                     " sweeps saw the same VMs before and after, all with confirmed offsets",
                 "run it on a host whose VMs and clocksource stay as they are"};
  }
  report(costs, discovery, results);
  return ok_status();
}

}  // namespace kvmtsc::bench
