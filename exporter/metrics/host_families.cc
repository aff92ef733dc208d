#include <chrono>
#include <limits>
#include <utility>

#include "base/join.h"
#include "exporter/metrics/families.h"
#include "exporter/metrics/family.h"

namespace kvmtsc {
namespace {

double seconds(Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

void append_host(const HostClock& host, Families& families) {
  auto clocksource =
      gauge("kvm_tsc_host_clocksource_info",
            "What the host keeps time by, and what its CPUs say of their TSC. With any "
            "clocksource but tsc, KVM adjusts offsets by itself. Always 1.");
  if (!host.clocksource.empty()) {
    clocksource.add({{"clocksource", host.clocksource}, {"tsc_flags", join(host.tsc_flags, " ")}},
                    1);
  }
  clocksource.append_to(families);

  auto frequency = gauge("kvm_tsc_host_frequency_hertz",
                         "Frequency of the host's TSC, measured against CLOCK_MONOTONIC_RAW.");
  auto frequency_bound = gauge("kvm_tsc_host_frequency_bound_hertz",
                               "How wrong kvm_tsc_host_frequency_hertz may be, either way.");
  if (host.tsc_frequency) {
    frequency.add({}, host.tsc_frequency->hertz);
    frequency_bound.add({}, host.tsc_frequency->bound_hertz);
  }
  frequency.append_to(families);
  frequency_bound.append_to(families);

  auto synchronized =
      gauge("kvm_tsc_host_clock_synchronized",
            "1 if the kernel holds the host's clock to be synchronised (adjtimex).");
  if (host.synchronized) {
    synchronized.add({}, *host.synchronized ? 1 : 0);
  }
  synchronized.append_to(families);

  auto bound = gauge("kvm_tsc_host_clock_bound_seconds",
                     "Maximum error of the host's real-time clock (adjtimex maxerror).");
  if (host.realtime_bound) {
    bound.add({}, seconds(*host.realtime_bound));
  }
  bound.append_to(families);
}

void append_collectors(const Snapshot& snapshot, Families& families) {
  auto success =
      gauge("kvm_tsc_collector_success", "1 if the collector could do its work in the last sweep.");
  auto duration =
      gauge("kvm_tsc_collector_duration_seconds", "How long the collector took in the last sweep.");
  for (const CollectorStatus& collector : snapshot.collectors) {
    success.add({{"collector", collector.name}}, collector.success ? 1 : 0);
    duration.add({{"collector", collector.name}}, seconds(collector.duration));
  }
  success.append_to(families);
  duration.append_to(families);

  auto sweep =
      gauge("kvm_tsc_last_sweep_timestamp_seconds",
            "When the sweep that these samples come from ended, in seconds after the epoch.");
  sweep.add({}, seconds(snapshot.taken_real.since_epoch));
  sweep.append_to(families);
}

prometheus::MetricFamily histogram(std::string name, std::string help, const HoldHistogram& holds) {
  prometheus::ClientMetric metric;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < holds.counts.size(); ++i) {
    cumulative += holds.counts[i];
    metric.histogram.bucket.push_back({cumulative, seconds(HoldHistogram::kBounds[i])});
  }
  metric.histogram.bucket.push_back({holds.count, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = holds.count;
  metric.histogram.sample_sum = seconds(holds.sum);
  return {std::move(name), std::move(help), prometheus::MetricType::Histogram, {metric}};
}

void append_holds(const Snapshot::Holds& holds, Families& families) {
  families.push_back(histogram(
      "kvm_tsc_vcpu_pause_seconds",
      "How long we held vCPUs' threads, during which the guest stood still.", holds.vcpus));
  families.push_back(histogram("kvm_tsc_clock_read_hold_seconds",
                               "How long we held other threads of VMMs to read their VM's clock.",
                               holds.others));
}

}  // namespace

void append_host_families(const Snapshot& snapshot, Families& families) {
  append_host(snapshot.host, families);
  append_collectors(snapshot, families);
  if (snapshot.holds) {
    append_holds(*snapshot.holds, families);
  }
}

void append_build_info(const BuildInfo& build, Families& families) {
  auto info = gauge("kvm_tsc_exporter_build_info",
                    "Version, commit and compiler of this exporter. Always 1.");
  info.add({{"version", build.version}, {"revision", build.revision}, {"compiler", build.compiler}},
           1);
  info.append_to(families);
}

}  // namespace kvmtsc
