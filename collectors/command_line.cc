#include "collectors/command_line.h"

#include <algorithm>
#include <initializer_list>

#include "collectors/qemu_options.h"

namespace kvmtsc {
namespace {

using Arguments = std::span<const std::string>;
using Names = std::initializer_list<std::string_view>;

enum class Vmm { kQemu, kFirecracker, kCloudHypervisor, kCrosvm, kKvmtool };

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// "name" or "name-anything", or as much of "name" as fits into comm.
bool is_program(std::string_view program, std::string_view name) {
  constexpr std::size_t kCommLength = 15;
  return program == name || program == name.substr(0, kCommLength) ||
         (program.starts_with(name) && program.substr(name.size()).starts_with('-'));
}

std::optional<Vmm> vmm_called(std::string_view program, Arguments argv) {
  // No "kvm-suffix": those are kernel threads.
  if (program.starts_with("qemu-system-") || program == "qemu-kvm" || program == "kvm") {
    return Vmm::kQemu;
  }
  if (is_program(program, "firecracker") || program == "jailer") {
    return Vmm::kFirecracker;
  }
  if (is_program(program, "cloud-hypervisor")) {
    return Vmm::kCloudHypervisor;
  }
  if (is_program(program, "crosvm")) {
    return Vmm::kCrosvm;
  }
  if (is_program(program, "lkvm") || is_program(program, "kvmtool") ||
      (program == "vm" && argv.size() > 1 && argv[1] == "run")) {
    return Vmm::kKvmtool;
  }
  return std::nullopt;
}

bool contains(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Value of the last of the options `names`; empty if there is none.
std::string_view option_value(Arguments arguments, Names names) {
  std::string_view value;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--") {
      break;
    }
    if (contains({"--params", "-p", "--cmdline"}, argument)) {
      ++i;
    } else if (contains(names, argument)) {
      if (i + 1 < arguments.size()) {
        value = arguments[++i];
      }
    } else if (const auto equals = argument.find('='); equals != std::string_view::npos) {
      if (argument.starts_with("--") && contains(names, argument.substr(0, equals))) {
        value = argument.substr(equals + 1);
      }
    }
  }
  return value;
}

std::string_view socket_name(std::string_view path) {
  std::string_view name = base_name(path);
  for (const std::string_view suffix : {".sock", ".socket"}) {
    if (name.ends_with(suffix) && name.size() > suffix.size()) {
      name.remove_suffix(suffix.size());
      break;
    }
  }
  return name;
}

// Value of `key` in "key=value,...", where a comma inside of [] or "" does not separate.
std::string_view value_in_list(std::string_view list, std::string_view key) {
  while (!list.empty()) {
    int depth = 0;
    bool quoted = false;
    const auto end = std::find_if(list.begin(), list.end(), [&](char c) {
      quoted = quoted != (c == '"');
      depth += c == '[' ? 1 : c == ']' ? -1 : 0;
      return c == ',' && !quoted && depth <= 0;
    });
    std::string_view item = list.substr(0, static_cast<std::size_t>(end - list.begin()));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    if (item.starts_with(key) && item.substr(key.size()).starts_with('=')) {
      item.remove_prefix(key.size() + 1);
      if (item.size() >= 2 && item.starts_with('"') && item.ends_with('"')) {
        item = item.substr(1, item.size() - 2);
      }
      return item;
    }
  }
  return {};
}

std::string_view or_else(std::string_view value, std::string_view otherwise) {
  return value.empty() ? otherwise : value;
}

CommandLineIdentity cloud_hypervisor(Arguments arguments) {
  std::string_view socket = option_value(arguments, {"--api-socket"});
  if (socket.starts_with("path=")) {
    socket = value_in_list(socket, "path");
  } else if (socket.starts_with("fd=")) {
    socket = {};
  }
  const std::string_view platform = option_value(arguments, {"--platform"});
  return {"cloud-hypervisor", std::string(socket_name(socket)),
          std::string(value_in_list(platform, "uuid"))};
}

}  // namespace

std::optional<CommandLineIdentity> identify_command_line(std::span<const std::string> argv,
                                                         std::string_view comm, pid_t pid) {
  std::optional<Vmm> vmm;
  if (!argv.empty()) {
    vmm = vmm_called(base_name(argv[0]), argv);
  }
  if (!vmm) {
    vmm = vmm_called(comm, argv);
  }
  if (!vmm) {
    return std::nullopt;
  }
  const Arguments arguments = argv.empty() ? argv : argv.subspan(1);
  switch (*vmm) {
    case Vmm::kQemu: {
      QemuOptions options = parse_qemu_options(arguments);
      return CommandLineIdentity{"qemu", std::move(options.guest_name), std::move(options.uuid)};
    }
    case Vmm::kFirecracker: {
      // Without arguments nothing is known, not even that there was no --id.
      const std::string_view unnamed = argv.empty() ? "" : "anonymous-instance";
      return CommandLineIdentity{
          "firecracker", std::string(or_else(option_value(arguments, {"--id"}), unnamed)), {}};
    }
    case Vmm::kCloudHypervisor:
      return cloud_hypervisor(arguments);
    case Vmm::kCrosvm: {
      const std::string_view socket = socket_name(option_value(arguments, {"--socket", "-s"}));
      return CommandLineIdentity{
          "crosvm", std::string(or_else(option_value(arguments, {"--name"}), socket)), {}};
    }
    case Vmm::kKvmtool: {
      const std::string unnamed = argv.empty() ? "" : "guest-" + std::to_string(pid);
      return CommandLineIdentity{
          "kvmtool", std::string(or_else(option_value(arguments, {"--name"}), unnamed)), {}};
    }
  }
  return std::nullopt;
}

}  // namespace kvmtsc
