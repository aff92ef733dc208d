#include "tests/micro_vmm/options.h"

#include <map>
#include <numeric>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/micro_vmm/commands.h"
#include "tests/micro_vmm/guest_memory.h"

namespace kvmtsc::micro_vmm {
namespace {

enum class Irqchip { kAuto, kKernel, kNone };

template <typename Enum>
using Choices = std::map<std::string, Enum>;

const Choices<GuestProgram> kGuests{{"spin", GuestProgram::kSpin},
                                    {"stamp", GuestProgram::kStamp},
                                    {"halt", GuestProgram::kHalt},
                                    {"timer", GuestProgram::kTimer},
                                    {"idle", GuestProgram::kIdle}};
const Choices<Creator> kCreators{{"main", Creator::kMainThread},
                                 {"other", Creator::kOtherThread},
                                 {"ended", Creator::kEndedThread}};
const Choices<Irqchip> kIrqchips{
    {"auto", Irqchip::kAuto}, {"kernel", Irqchip::kKernel}, {"none", Irqchip::kNone}};

template <typename Enum>
void add_choice(CLI::App& app, const std::string& flag, Enum& target, const Choices<Enum>& choices,
                const std::string& help) {
  std::string words;
  for (const auto& [word, value] : choices) {
    words += (words.empty() ? "" : "|") + word;
  }
  const auto choose = [&target, &choices, flag, words](const std::string& word) {
    const auto chosen = choices.find(word);
    if (chosen == choices.end()) {
      throw CLI::ValidationError(flag, "'" + word + "' is none of " + words);
    }
    target = chosen->second;
  };
  app.add_option_function<std::string>(flag, choose, help)->type_name(words);
}

constexpr const char* kDescription =
    "Runs tiny KVM guests for tests. Prints one line of JSON when they are there, then reads\n"
    "commands from stdin, one a line, and answers each with one line of JSON. Ends when stdin\n"
    "closes. 64-bit numbers are JSON strings.";

}  // namespace

Result<std::variant<Options, Help>> parse_options(int argc, const char* const* argv) {
  Options options;
  Irqchip irqchip = Irqchip::kAuto;
  unsigned vcpus = 1;
  std::vector<VcpuId> ids;
  std::string name;

  CLI::App app(kDescription, "micro-vmm");
  auto* count = app.add_option("--vcpus", vcpus, "vCPUs of each VM, with ids from 0")
                    ->check(CLI::Range(1U, kMaxSlots));
  app.add_option("--ids", ids, "their ids instead, in the order of creation, e.g. 0,2,5,9")
      ->delimiter(',')
      ->excludes(count);
  add_choice(app, "--guest", options.vm.program, kGuests,
             "spin: store RDTSC for ever; stamp: once, then HLT; halt: HLT for ever; timer: HLT "
             "until its TSC-deadline timer fires, again and again; idle: never enter KVM_RUN");
  app.add_option("--interval", options.vm.interval_ms, "milliseconds for which timer sleeps")
      ->check(CLI::Range(1U, 3'600'000U));
  app.add_flag("--pvclock", options.vm.pvclock, "give each vCPU a pvclock page (kvmclock)");
  app.add_option("--vms", options.vms, "VMs in this process")->check(CLI::Range(0U, 100000U));
  add_choice(
      app, "--thread", options.creator, kCreators,
      "what becomes of the thread that creates the VMs: the main one, another, one that ends");
  add_choice(
      app, "--irqchip", irqchip, kIrqchips,
      "kernel: HLT sleeps inside KVM_RUN; none: it leaves it; auto: kernel for halt and timer");
  app.add_option("--name", name, "does nothing but stand on the command line");
  app.footer(command_help());
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::variant<Options, Help>(Help{app.help()});
  } catch (const CLI::ParseError& error) {
    return Error{ErrorKind::kInvalid, error.what(), "see micro-vmm --help"};
  }
  if (ids.empty()) {
    ids.resize(vcpus);
    std::iota(ids.begin(), ids.end(), VcpuId{0});
  }
  options.vm.vcpu_ids = ids;
  options.vm.kernel_irqchip =
      irqchip == Irqchip::kKernel ||
      (irqchip == Irqchip::kAuto &&
       (options.vm.program == GuestProgram::kHalt || options.vm.program == GuestProgram::kTimer));
  return std::variant<Options, Help>(options);
}

}  // namespace kvmtsc::micro_vmm
