// kvm-tsc-bench: measures the service on real VMs, prints a table, writes it as JSON (run.sh).
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/parse.h"
#include "bench/attach_bench.h"
#include "bench/idle_bench.h"
#include "bench/results.h"
#include "bench/scrape_bench.h"
#include "bench/shared_scrape_bench.h"
#include "bench/sweep_bench.h"
#include "tests/integration/debugfs.h"
#include "tests/integration/micro_vmm.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::bench {
namespace {

using integration::Debugfs;
using integration::MicroVmm;

constexpr std::size_t kVms = 250;
constexpr std::size_t kIdleVms = 100;
constexpr std::size_t kVcpus = 8;  // of each VM

void progress(const std::string& what) {
  std::cerr << "bench: " << what << std::endl;
}

std::string cpu_model() {
  const auto cpuinfo = read_file("/proc/cpuinfo", std::size_t{16} * 1024 * 1024);
  if (cpuinfo) {
    for (const auto line : split(*cpuinfo, '\n')) {
      if (line.starts_with("model name")) {
        return std::string(trim(line.substr(line.find(':') + 1)));
      }
    }
  }
  return "unknown";
}

void note_machine(Results& results) {
  utsname system{};
  ::uname(&system);
  results.note("machine", std::to_string(std::thread::hardware_concurrency()) + " x " +
                              cpu_model() + ", Linux " + system.release);
  // "some avg10=99.17 ...": what else the CPUs are wanted for, which spoils p99s first.
  if (const auto pressure = read_file("/proc/pressure/cpu", 4096)) {
    results.note("CPU pressure before", std::string(split(*pressure, '\n').front()));
  }
}

Result<std::unique_ptr<MicroVmm>> start_vms(std::size_t vms) {
  progress("starting " + std::to_string(vms) + " VMs of " + std::to_string(kVcpus) + " vCPUs");
  return MicroVmm::start(
      {"--vms", std::to_string(vms), "--vcpus", std::to_string(kVcpus), "--guest", "idle"});
}

Status measure_busy(const std::string& debugfs, Results& results) {
  const auto vms = start_vms(kVms);
  if (!vms) {
    return vms.error();
  }
  progress("sweeping");
  if (auto measured = measure_sweeps(debugfs, results); !measured) {
    return measured;
  }
  progress("scraping");
  return measure_scrapes(debugfs, kVms * kVcpus, results);
}

Status measure_shared(const std::string& debugfs, Results& results) {
  const auto vms = start_vms(kVms);
  if (!vms) {
    return vms.error();
  }
  progress("scraping, beside bare answers");
  return measure_shared_scrapes(debugfs, kVms * kVcpus, results);
}

Status measure_at_rest(const std::string& debugfs, Results& results) {
  const auto vms = start_vms(kIdleVms);
  if (!vms) {
    return vms.error();
  }
  progress("idling");
  return measure_idle(debugfs, kIdleVms * kVcpus, results);
}

// In the order in which they run. All but the first need VMs on /dev/kvm.
struct Part {
  const char* name;
  const char* does;
  Status (*measure)(const std::string& debugfs, Results& results);
};
constexpr std::array kParts{
    Part{"hold", "holding a thread",
         [](const std::string&, Results& results) { return measure_one_call(results); }},
    Part{"load", "sweeps and scrapes of 250 VMs", measure_busy},
    Part{"scrape", "scrapes that share their bytes", measure_shared},
    Part{"rest", "idling beside 100 VMs", measure_at_rest},
    Part{"attach", "attaching to QEMUs",
         [](const std::string&, Results& results) { return measure_attaching(results); }},
    Part{"monitor", "monitoring a QEMU", measure_monitoring}};

Status measure(const std::vector<std::string>& wanted, Results& results) {
  const auto missing = integration::missing_kvm();
  const auto debugfs = missing ? Result<std::unique_ptr<Debugfs>>(Error{}) : Debugfs::open();
  for (const Part& part : kParts) {
    if (!wanted.empty() && std::ranges::find(wanted, part.name) == wanted.end()) {
      continue;
    }
    if (&part != kParts.begin() && !debugfs) {
      results.skip(part.does, missing ? *missing : debugfs.error().text());
      continue;
    }
    progress(part.does);
    if (auto measured = part.measure(debugfs ? (*debugfs)->path() : "", results); !measured) {
      return measured;
    }
  }
  return ok_status();
}

int run(const std::string& results_file, const std::vector<std::string>& parts) {
  Results results;
  note_machine(results);
  const auto measured = measure(parts, results);
  std::cout << results.table();
  std::ofstream(results_file) << results.json().dump(2) << "\n";
  if (!measured) {
    std::cerr << "bench: " << measured.error().text() << "\n";
    return 1;
  }
  return results.any_missed() ? 1 : 0;
}

}  // namespace
}  // namespace kvmtsc::bench

int main(int argc, char** argv) {
  using kvmtsc::bench::kParts;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto is_part = [](const std::string& word) {
    return std::ranges::find(kParts, word, &kvmtsc::bench::Part::name) != kParts.end();
  };
  if (words.empty() || !std::all_of(words.begin() + 1, words.end(), is_part)) {
    std::cerr << "usage: kvm-tsc-bench RESULTS.json [PART...]\nParts, all unless named:\n";
    for (const auto& part : kParts) {
      std::cerr << "  " << part.name << "\t" << part.does << "\n";
    }
    return 2;
  }
  return kvmtsc::bench::run(words[0], {words.begin() + 1, words.end()});
}
