// micro-vmm: tiny KVM guests for tests, driven over stdin and stdout (micro-vmm --help).
#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "base/parse.h"
#include "tests/micro_vmm/commands.h"
#include "tests/micro_vmm/fleet.h"
#include "tests/micro_vmm/options.h"
#include "tests/micro_vmm/vm.h"

namespace {

using kvmtsc::Error;
using kvmtsc::micro_vmm::Fleet;

// Every VM and every vCPU is a file descriptor.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int fail(int status, const Error& error) {
  std::cerr << "micro-vmm: " << error.text() << "\n";
  return status;
}

void print_ready(const Fleet& fleet) {
  nlohmann::json vms = nlohmann::json::array();
  for (const std::size_t index : fleet.indices()) {
    vms.push_back(kvmtsc::micro_vmm::describe_vm(index, **fleet.find(index)));
  }
  std::cout << nlohmann::json{{"pid", ::getpid()}, {"vm", vms}} << std::endl;
}

void serve(Fleet& fleet) {
  std::string line;
  while (std::getline(std::cin, line) && kvmtsc::trim(line) != "quit") {
    std::cout << kvmtsc::micro_vmm::run_command(fleet, line) << std::endl;
  }
}

int run(int argc, const char* const* argv) {
  auto parsed = kvmtsc::micro_vmm::parse_options(argc, argv);
  if (!parsed) {
    return fail(2, parsed.error());
  }
  if (const auto* help = std::get_if<kvmtsc::micro_vmm::Help>(&*parsed)) {
    std::cout << help->text;
    return 0;
  }
  const auto& options = std::get<kvmtsc::micro_vmm::Options>(*parsed);
  raise_descriptor_limit();
  auto kvm = kvmtsc::micro_vmm::open_kvm();
  if (!kvm) {
    return fail(1, kvm.error());
  }
  Fleet fleet(std::move(*kvm), options.vm, options.creator);
  for (unsigned vm = 0; vm < options.vms; ++vm) {
    if (auto added = fleet.add(); !added) {
      return fail(1, added.error());
    }
  }
  print_ready(fleet);
  serve(fleet);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& exception) {
    std::cerr << "micro-vmm: " << exception.what() << "\n";
    return 1;
  }
}
