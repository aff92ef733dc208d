#include "cli/near_misses.h"

#include <algorithm>
#include <iterator>

#include <CLI/CLI.hpp>

#include "base/nearest.h"
#include "cli/app_words.h"

namespace kvmtsc {
namespace {

// The option of this name, of the subcommand that was named or of the program itself.
const CLI::Option* option_of(const CLI::App& app, const CLI::App* command,
                             const std::string& flag) {
  const std::string name = flag.substr(0, flag.find('='));
  const CLI::Option* own = command != nullptr ? command->get_option_no_throw(name) : nullptr;
  return own != nullptr ? own : app.get_option_no_throw(name);
}

// Those that may stand where `command` was named, if one was.
std::vector<std::string> flags_after(const CLI::App& app, const CLI::App* command) {
  std::vector<std::string> flags = flags_of(app);
  if (command != nullptr) {
    std::ranges::move(flags_of(*command), std::back_inserter(flags));
  }
  return flags;
}

std::string said(const char* kind, const std::string& word,
                 const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  const auto near = nearest(word, views);
  std::string text = std::string("there is no ") + kind + " \"" + word + "\"; ";
  return text + (near ? "did you mean " + std::string(*near) + "?" : "see kvm-tsc --help");
}

}  // namespace

std::optional<std::string> near_miss(const CLI::App& app,
                                     const std::vector<std::string>& arguments) {
  const CLI::App* command = nullptr;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--") {
      break;  // what follows is no flag
    }
    if (word.starts_with("--") && word.size() > 2) {
      const CLI::Option* option = option_of(app, command, word);
      if (option == nullptr) {
        return said("flag", word.substr(0, word.find('=')), flags_after(app, command));
      }
      const bool takes_next = option->get_items_expected_min() > 0 && word.find('=') == word.npos;
      i += takes_next ? 1 : 0;
    } else if (command != nullptr && word.starts_with("-") && word.size() > 1) {
      if (option_of(app, command, word) == nullptr) {
        return "there is no flag \"" + word + "\"; a VM's name that begins with - comes after --";
      }
    } else if (command == nullptr && !word.starts_with("-")) {
      const auto commands = app.get_subcommands({});
      const auto found = std::ranges::find_if(
          commands, [&](const CLI::App* one) { return one->get_name() == word; });
      command = found == commands.end() ? nullptr : *found;
      if (command == nullptr) {
        return said("command", word, commands_of(app));
      }
    }
  }
  return std::nullopt;
}

}  // namespace kvmtsc
