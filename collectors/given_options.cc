#include "collectors/given_options.h"

#include <algorithm>
#include <array>

namespace kvmtsc {
namespace {

constexpr std::array<std::string_view, 49> kWithoutValue{
    // clang-format off
    "alt-grab", "async-teardown", "audio-help", "ctrl-grab", "curses", "daemonize",
    "enable-fips", "enable-kvm", "enable-nesting", "enable-sync-profile", "full-screen", "h",
    "help", "jitdump", "mem-prealloc", "no-acpi", "no-fd-bootchk", "no-frame", "no-hpet",
    "no-kvm", "no-kvm-irqchip", "no-kvm-pit-reinjection", "no-quit", "no-reboot", "no-shutdown",
    "no-user-config", "nodefaults", "nodefconfig", "nographic", "old-param", "only-migratable",
    "perfmap", "portrait", "preconfig", "qemu", "rtc-td-hack", "S", "s", "sdl", "semihosting",
    "singlestep", "snapshot", "tdf", "usb", "version", "win2k-hack", "xen-attach", "xen-create",
    "xen-domid-restrict",
    // clang-format on
};

constexpr std::string_view kAvd = "-avd";

bool takes_value(std::string_view option) {
  option.remove_prefix(1);
  return std::find(kWithoutValue.begin(), kWithoutValue.end(), option) == kWithoutValue.end();
}

std::vector<GivenOption> qemu_options(std::span<const std::string> arguments,
                                      const std::set<std::string_view>& wanted) {
  std::vector<GivenOption> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view option = arguments[i];
    if (option.starts_with('@') && wanted.contains("@")) {
      given.push_back({"@", option.substr(1)});
    }
    if (!option.starts_with('-') || option == "-") {
      continue;
    }
    if (option.starts_with("--")) {
      option.remove_prefix(1);
    }
    if (!takes_value(option) || i + 1 == arguments.size() ||
        (arguments[i + 1] == kAvd && option != kAvd)) {
      continue;
    }
    const std::string_view value = arguments[++i];
    if (wanted.contains(option)) {
      given.push_back({option, value});
    }
  }
  return given;
}

bool is_kernel_command_line(std::string_view option) {
  return option == "--params" || option == "-p" || option == "--cmdline";
}

std::vector<GivenOption> long_options(std::span<const std::string> arguments,
                                      const std::set<std::string_view>& wanted) {
  std::vector<GivenOption> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--") {
      break;
    }
    if (is_kernel_command_line(argument)) {
      ++i;
    } else if (wanted.contains(argument)) {
      if (i + 1 < arguments.size()) {
        given.push_back({argument, arguments[++i]});
      }
    } else if (const auto equals = argument.find('='); equals != std::string_view::npos) {
      if (argument.starts_with("--") && wanted.contains(argument.substr(0, equals))) {
        given.push_back({argument.substr(0, equals), argument.substr(equals + 1)});
      }
    }
  }
  return given;
}

}  // namespace

std::vector<GivenOption> given_options(OptionStyle style, std::span<const std::string> arguments,
                                       const std::set<std::string_view>& wanted) {
  return style == OptionStyle::kQemu ? qemu_options(arguments, wanted)
                                     : long_options(arguments, wanted);
}

}  // namespace kvmtsc
