// offset-writer PID VCPU OFFSET: writes the TSC offset of one vCPU of a running VMM's only VM, as a
// mistaken program of somebody else's would: no plan, no other vCPU written, and the service is not
// told.
#include <iostream>
#include <string>

#include "attach/ptrace/ptrace_offset_writer.h"
#include "base/parse.h"
#include "tests/integration/attach/vm_fixture.h"

namespace kvmtsc::testing {
namespace {

int fail(const std::string& why) {
  std::cerr << "offset-writer: " << why << "\n";
  return 1;
}

int run(pid_t process, VcpuId vcpu, std::int64_t offset) {
  const auto vms = vms_of(process);
  if (vms.size() != 1) {
    return fail("process " + std::to_string(process) + " has " + std::to_string(vms.size()) +
                " VMs");
  }
  injection::PtraceOffsetWriter writer(patient());
  const WantedOffset wanted{vcpu, offset, std::nullopt};
  const auto report = writer.write(vms[0], {&wanted, 1}, soon());
  if (!report) {
    return fail(report.error().text());
  }
  if (report->outcome != WriteOutcome::kApplied) {
    return fail(report->failure ? report->failure->text() : "not applied");
  }
  return 0;
}

}  // namespace
}  // namespace kvmtsc::testing

int main(int argc, char** argv) {
  const auto process = argc == 4 ? kvmtsc::parse_u32(argv[1]) : std::nullopt;
  const auto vcpu = argc == 4 ? kvmtsc::parse_u32(argv[2]) : std::nullopt;
  const auto offset = argc == 4 ? kvmtsc::parse_i64(argv[3]) : std::nullopt;
  if (!process || !vcpu || !offset) {
    std::cerr << "usage: offset-writer PID VCPU OFFSET\n";
    return 2;
  }
  return kvmtsc::testing::run(static_cast<pid_t>(*process), *vcpu, *offset);
}
