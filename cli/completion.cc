#include "cli/completion.h"

#include <CLI/CLI.hpp>

namespace kvmtsc {
namespace {

// One word a line: what bash's completion takes.
std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands({})) {
    words += command->get_name() + " ";
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words += "--" + name + " ";
    }
  }
  return words;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::string script;
  if (shell == "zsh") {
    script += "autoload -U +X bashcompinit && bashcompinit\n";
  }
  script +=
      "_kvm_tsc() {\n  local word=${COMP_WORDS[COMP_CWORD]} command= w\n"
      "  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $w in\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    script += "      " + command->get_name() + ") command=$w ;;\n";
  }
  script += "    esac\n  done\n  case $command in\n";
  const auto words = [](const CLI::App& of) {
    return "COMPREPLY=($(compgen -W \"" + words_of(of) + "\" -- \"$word\")) ;;\n";
  };
  for (const CLI::App* command : app.get_subcommands({})) {
    script += "    " + command->get_name() + ") " + words(*command);
  }
  return script + "    *) " + words(app) + "  esac\n}\ncomplete -F _kvm_tsc kvm-tsc\n";
}

}  // namespace kvmtsc
