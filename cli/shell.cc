#include "cli/shell.h"

#include <algorithm>
#include <string_view>

#include "cli/table.h"

namespace kvmtsc {

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  const bool plain = !word.empty() && std::ranges::all_of(word, [&](char c) {
    return kPlain.find(c) != kPlain.npos;
  });
  if (plain) {
    return word;
  }
  std::string quoted = "'";
  for (const char c : harmless(word)) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

std::string command_for(const std::string& command, const std::string& vm,
                        const std::string& flags) {
  const std::string name = shell_word(vm);
  const std::string options = flags.empty() ? "" : " " + flags;
  return "kvm-tsc " + command +
         (vm.starts_with('-') ? options + " -- " + name : " " + name + options);
}

}  // namespace kvmtsc
