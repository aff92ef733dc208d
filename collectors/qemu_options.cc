#include "collectors/qemu_options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace kvmtsc {
namespace {

constexpr std::array<std::string_view, 48> kWithoutValue{
    // clang-format off
    "alt-grab", "async-teardown", "audio-help", "ctrl-grab", "curses", "daemonize",
    "enable-fips", "enable-kvm", "enable-nesting", "enable-sync-profile", "full-screen", "h",
    "help", "jitdump", "mem-prealloc", "no-acpi", "no-fd-bootchk", "no-frame", "no-hpet",
    "no-kvm", "no-kvm-irqchip", "no-kvm-pit-reinjection", "no-quit", "no-reboot", "no-shutdown",
    "no-user-config", "nodefaults", "nodefconfig", "nographic", "old-param", "only-migratable",
    "perfmap", "portrait", "preconfig", "rtc-td-hack", "S", "s", "sdl", "semihosting",
    "singlestep", "snapshot", "tdf", "usb", "version", "win2k-hack", "xen-attach", "xen-create",
    "xen-domid-restrict",
    // clang-format on
};

bool takes_value(std::string_view option) {
  return std::find(kWithoutValue.begin(), kWithoutValue.end(), option) == kWithoutValue.end();
}

// Takes a value off the front of `text`, up to the first comma that is not doubled and with it.
std::string take_value(std::string_view& text) {
  std::string value;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == ',') {
      if (at + 1 == text.size() || text[at + 1] != ',') {
        ++at;
        break;
      }
      ++at;
    }
    value += text[at];
  }
  text.remove_prefix(at);
  return value;
}

// The guest's name in the value of one -name; absent if it gives none.
std::optional<std::string> guest_of(std::string_view text) {
  std::optional<std::string> guest;
  for (bool first = true; !text.empty(); first = false) {
    const auto mark = text.find_first_of("=,");
    if (mark != std::string_view::npos && text[mark] == '=') {
      const std::string_view key = text.substr(0, mark);
      text.remove_prefix(mark + 1);
      std::string value = take_value(text);
      if (key == "guest") {
        guest = std::move(value);
      }
    } else {
      std::string value = take_value(text);
      if (first) {
        guest = std::move(value);
      }
    }
  }
  return guest;
}

}  // namespace

QemuOptions parse_qemu_options(std::span<const std::string> arguments) {
  QemuOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view option = arguments[i];
    if (!option.starts_with('-') || option == "-") {
      continue;
    }
    option.remove_prefix(option.starts_with("--") ? 2 : 1);
    if (!takes_value(option) || i + 1 == arguments.size()) {
      continue;
    }
    const std::string& value = arguments[++i];
    if (option == "name") {
      if (auto guest = guest_of(value)) {
        options.guest_name = std::move(*guest);
      }
    } else if (option == "uuid") {
      options.uuid = value;
    }
  }
  return options;
}

}  // namespace kvmtsc
