#include "tests/micro_vmm/commands.h"

#include <array>
#include <optional>
#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/parse.h"
#include "tests/micro_vmm/tsc_sample.h"

namespace kvmtsc::micro_vmm {
namespace {

using nlohmann::json;
using Arguments = std::span<const std::string_view>;

json error_answer(const std::string& text) {
  return {{"error", text}};
}
json error_answer(const Error& error) {
  return error_answer(error.text());
}

template <typename Integer>
json as_text(Integer value) {
  return std::to_string(value);
}

// {"vcpus": [...]} with what `describe` gives for each vCPU and its id, or the first error.
template <typename Describe>
json for_each_vcpu(const Vm& vm, const Describe& describe) {
  json answers = json::array();
  for (const auto& vcpu : vm.vcpus()) {
    Result<json> answer = describe(*vcpu);
    if (!answer) {
      return error_answer(answer.error());
    }
    (*answer)["id"] = vcpu->id();
    answers.push_back(std::move(*answer));
  }
  return {{"vcpus", answers}};
}

json add_bracket(json answer, const TscSample& sample) {
  answer["tsc"] = as_text(sample.guest_tsc);
  answer["host_tsc_before"] = as_text(sample.host_tsc_before);
  answer["host_tsc_after"] = as_text(sample.host_tsc_after);
  return answer;
}

// What is wrong when a guest's memory is asked for what it does not hold.
Status needs_running_guest(const Vm& vm, Vcpu& vcpu) {
  if (vm.memory() == nullptr) {
    return Error{ErrorKind::kRefused, "an idle guest never runs", "start with --guest spin"};
  }
  if (const auto failure = vcpu.failure()) {
    return *failure;
  }
  return ok_status();
}

json tsc(Vm& vm, Arguments) {
  return for_each_vcpu(vm, [&vm](Vcpu& vcpu) -> Result<json> {
    if (Status running = needs_running_guest(vm, vcpu); !running) {
      return running.error();
    }
    auto sample = sample_tsc(*vm.memory(), vcpu.slot(), system_clock());
    if (!sample) {
      return sample.error();
    }
    return add_bracket(json::object(), *sample);
  });
}

json firings(Vm& vm, Arguments) {
  return for_each_vcpu(vm, [&vm](Vcpu& vcpu) -> Result<json> {
    if (Status running = needs_running_guest(vm, vcpu); !running) {
      return running.error();
    }
    const auto firing = vm.memory()->read_firing(vcpu.slot());
    if (!firing) {
      return json{{"times", 0}};
    }
    return json{{"times", firing->times},
                {"deadline", as_text(firing->deadline)},
                {"fired", as_text(firing->guest_tsc)}};
  });
}

json describe_page(const PvclockPage& page) {
  return {{"tsc_timestamp", as_text(page.tsc_timestamp)},
          {"system_time", as_text(page.system_time)},
          {"tsc_to_system_mul", page.tsc_to_system_mul},
          {"tsc_shift", page.tsc_shift},
          {"flags", page.flags}};
}

json entry_lag(Vm& vm, Arguments arguments) {
  const auto entries = parse_u32(arguments[0]);
  if (!entries || *entries == 0) {
    return error_answer("not a number of entries: " + std::string(arguments[0]));
  }
  return for_each_vcpu(vm, [&vm, &entries](Vcpu& vcpu) -> Result<json> {
    if (Status running = needs_running_guest(vm, vcpu); !running) {
      return running.error();
    }
    const auto lag = vcpu.entry_lag(*vm.memory(), *entries);
    if (!lag) {
      return lag.error();
    }
    return json{{"least", as_text(lag->least)},
                {"times", lag->times},
                {"host_tsc", as_text(lag->host_tsc)},
                {"guest_tsc", as_text(lag->guest_tsc)},
                {"page", lag->page ? describe_page(*lag->page) : json()}};
  });
}

json kvmclock(Vm& vm, Arguments) {
  return for_each_vcpu(vm, [&vm](Vcpu& vcpu) -> Result<json> {
    if (Status running = needs_running_guest(vm, vcpu); !running) {
      return running.error();
    }
    auto sample = sample_kvmclock(*vm.memory(), vcpu.slot(), system_clock());
    if (!sample) {
      return sample.error();
    }
    return add_bracket({{"kvmclock_ns", as_text(sample->nanoseconds)},
                        {"bound_ns", as_text(sample->bound)},
                        {"page_flags", sample->flags}},
                       sample->tsc);
  });
}

Result<json> offset_of(Vcpu& vcpu) {
  auto offset = vcpu.offset();
  if (!offset) {
    return offset.error();
  }
  return json{{"offset", as_text(*offset)}};
}

json offsets(Vm& vm, Arguments) {
  return for_each_vcpu(vm, offset_of);
}

Result<json> write_offset(Vcpu& vcpu, std::int64_t ticks) {
  if (Status written = vcpu.set_offset(ticks); !written) {
    return written.error();
  }
  auto read_back = vcpu.offset();
  if (!read_back) {
    return read_back.error();
  }
  return json{{"offset", as_text(*read_back)}, {"applied", *read_back == ticks}};
}

Result<Vcpu*> vcpu_argument(const Vm& vm, std::string_view text) {
  const auto id = parse_u32(text);
  if (!id) {
    return Error{ErrorKind::kInvalid, "not a vCPU id: " + std::string(text), ""};
  }
  return vm.find_vcpu(*id);
}

json set_offset(Vm& vm, Arguments arguments) {
  auto vcpu = vcpu_argument(vm, arguments[0]);
  const auto ticks = parse_i64(arguments[1]);
  if (!vcpu || !ticks) {
    return error_answer(vcpu ? "not ticks: " + std::string(arguments[1]) : vcpu.error().text());
  }
  auto answer = write_offset(**vcpu, *ticks);
  return answer ? *answer : error_answer(answer.error());
}

json set_all_offsets(Vm& vm, Arguments arguments) {
  const auto ticks = parse_i64(arguments[0]);
  if (!ticks) {
    return error_answer("not ticks: " + std::string(arguments[0]));
  }
  return for_each_vcpu(vm, [&ticks](Vcpu& vcpu) { return write_offset(vcpu, *ticks); });
}

json clock(Vm& vm, Arguments) {
  const auto data = vm.clock();
  if (!data) {
    return error_answer(data.error());
  }
  const bool has_host_tsc = (data->flags & KVM_CLOCK_HOST_TSC) != 0;
  const bool has_realtime = (data->flags & KVM_CLOCK_REALTIME) != 0;
  return {{"clock_ns", as_text(data->clock)},
          {"flags", data->flags},
          {"host_tsc", has_host_tsc ? as_text(data->host_tsc) : json()},
          {"realtime_ns", has_realtime ? as_text(data->realtime) : json()}};
}

json khz(Vm& vm, Arguments) {
  return for_each_vcpu(vm, [](Vcpu& vcpu) -> Result<json> {
    const auto frequency = vcpu.khz();
    if (!frequency) {
      return frequency.error();
    }
    return json{{"khz", *frequency}};
  });
}

json set_khz(Vm& vm, Arguments arguments) {
  auto vcpu = vcpu_argument(vm, arguments[0]);
  const auto wanted = parse_u32(arguments[1]);
  if (!vcpu || !wanted) {
    return error_answer(vcpu ? "not kHz: " + std::string(arguments[1]) : vcpu.error().text());
  }
  if (Status written = (*vcpu)->set_khz(*wanted); !written) {
    return error_answer(written.error());
  }
  const auto read_back = (*vcpu)->khz();
  return read_back ? json{{"khz", *read_back}} : error_answer(read_back.error());
}

json add_vcpu(Vm& vm, Arguments arguments) {
  const auto id = parse_u32(arguments[0]);
  if (!id) {
    return error_answer("not a vCPU id: " + std::string(arguments[0]));
  }
  if (Status added = vm.add_vcpu(*id); !added) {
    return error_answer(added.error());
  }
  const auto tid = vm.vcpus().back()->tid();
  return {{"id", *id}, {"tid", tid ? json(*tid) : json()}};
}

json end_thread(Vm& vm, Arguments arguments) {
  auto vcpu = vcpu_argument(vm, arguments[0]);
  if (!vcpu) {
    return error_answer(vcpu.error());
  }
  (*vcpu)->end_thread();
  return {{"id", (*vcpu)->id()}};
}

json pause(Vm& vm, Arguments) {
  return for_each_vcpu(vm, [](Vcpu& vcpu) -> Result<json> {
    vcpu.pause();
    return json::object();
  });
}

json resume(Vm& vm, Arguments) {
  return for_each_vcpu(vm, [](Vcpu& vcpu) -> Result<json> {
    vcpu.resume();
    return json::object();
  });
}

struct VmCommand {
  std::string_view name;
  std::string_view parameters;
  std::size_t parameter_count;
  std::string_view help;
  json (*run)(Vm&, Arguments);
};

constexpr std::array kVmCommands{
    VmCommand{"tsc", "", 0, "each guest's own RDTSC, bracketed by the host's", tsc},
    VmCommand{"entry-lag", "ENTRIES", 1, "each guest's RDTSC - the host's before entry, least",
              entry_lag},
    VmCommand{"firings", "", 0, "of --guest timer: how often it was woken, last for what and when",
              firings},
    VmCommand{"kvmclock", "", 0, "each guest's kvmclock from its pvclock page", kvmclock},
    VmCommand{"offsets", "", 0, "each vCPU's TSC offset, by ioctl", offsets},
    VmCommand{"set-offset", "VCPU TICKS", 2, "write one; \"applied\" is the read-back", set_offset},
    VmCommand{"set-all-offsets", "TICKS", 1, "write one offset to every vCPU", set_all_offsets},
    VmCommand{"clock", "", 0, "KVM_GET_CLOCK; null is what its flags leave out", clock},
    VmCommand{"khz", "", 0, "each vCPU's TSC frequency", khz},
    VmCommand{"set-khz", "VCPU KHZ", 2, "KVM_SET_TSC_KHZ", set_khz},
    VmCommand{"add-vcpu", "ID", 1, "hot-plug a vCPU", add_vcpu},
    VmCommand{"end-thread", "VCPU", 1, "end a vCPU's thread and keep the vCPU, as an unplug does",
              end_thread},
    VmCommand{"pause", "", 0, "keep all vCPUs out of KVM_RUN", pause},
    VmCommand{"resume", "", 0, "let them run again", resume},
};

json add_vm(Fleet& fleet) {
  const auto index = fleet.add();
  return index ? describe_vm(*index, **fleet.find(*index)) : error_answer(index.error());
}

json close_vm(Fleet& fleet, std::string_view argument) {
  const auto index = parse_u64(argument);
  if (!index) {
    return error_answer("not a VM index: " + std::string(argument));
  }
  const Status closed = fleet.close(*index);
  return closed ? json{{"closed", *index}} : error_answer(closed.error());
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line, ' ')) {
    if (!trim(word).empty()) {
      words.push_back(trim(word));
    }
  }
  return words;
}

}  // namespace

json describe_vm(std::size_t index, const Vm& vm) {
  json vcpus = json::array();
  for (const auto& vcpu : vm.vcpus()) {
    const auto tid = vcpu->tid();
    vcpus.push_back({{"id", vcpu->id()}, {"tid", tid ? json(*tid) : json()}});
  }
  return {{"index", index}, {"fd", vm.fd()}, {"creator", vm.creator()}, {"vcpus", vcpus}};
}

json run_command(Fleet& fleet, std::string_view line) {
  const std::vector<std::string_view> words = words_of(line);
  Arguments rest(words);
  std::size_t index = 0;
  if (!rest.empty()) {
    if (const auto given = parse_u64(rest[0])) {
      index = *given;
      rest = rest.subspan(1);
    }
  }
  if (rest.empty()) {
    return error_answer("no command; see micro-vmm --help");
  }
  const std::string_view name = rest[0];
  rest = rest.subspan(1);
  if (name == "add-vm" && rest.empty()) {
    return add_vm(fleet);
  }
  if (name == "close-vm" && rest.size() == 1) {
    return close_vm(fleet, rest[0]);
  }
  for (const VmCommand& command : kVmCommands) {
    if (command.name != name) {
      continue;
    }
    if (rest.size() != command.parameter_count) {
      return error_answer("usage: " + std::string(name) + " " + std::string(command.parameters));
    }
    const auto vm = fleet.find(index);
    return vm ? command.run(**vm, rest) : error_answer(vm.error());
  }
  return error_answer("no command '" + std::string(name) + "'; see micro-vmm --help");
}

std::string command_help() {
  constexpr std::size_t kColumn = 28;
  std::string text = "Commands, each after the VM's index if it is not 0:\n";
  const auto add = [&text](std::string usage, std::string_view help) {
    usage.resize(kColumn, ' ');
    text += "  " + usage + std::string(help) + "\n";
  };
  for (const VmCommand& command : kVmCommands) {
    add(std::string(command.name) + " " + std::string(command.parameters), command.help);
  }
  add("add-vm", "one more VM like the others");
  add("close-vm INDEX", "end a VM; its index is not used again");
  add("quit", "end, as does closing stdin");
  return text;
}

}  // namespace kvmtsc::micro_vmm
