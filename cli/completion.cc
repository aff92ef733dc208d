#include "cli/completion.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/join.h"
#include "cli/app_words.h"

namespace kvmtsc {
namespace {

// As bash's compgen -W takes them.
std::string words_of(const CLI::App& app) {
  std::vector<std::string> words = commands_of(app);
  std::ranges::move(flags_of(app), std::back_inserter(words));
  return join(words, " ");
}

// What stands before the word decides first, then the command. `w` runs over the words before it;
// how the service is reached is passed on.
constexpr const char* kHead = R"sh(_kvm_tsc_words() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    [[ $word == "$2"* ]] && COMPREPLY+=("$(printf %q "$word")")
  done < <(kvm-tsc "${reach[@]}" --timeout 2 complete "$1" 2>/dev/null)
}
_kvm_tsc() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= w last=
  local -a reach=()
  for w in "${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    case $last in
      --server|--token-file|--user|--password-file|--cacert|--cert|--key) reach+=("$last" "$w") ;;
    esac
    last=$w
    case $w in
)sh";
constexpr const char* kWords = R"sh(    esac
  done
  case $before in
    --allow) _kvm_tsc_words objections "$word"; return ;;
    --plan) _kvm_tsc_words plans "$word"; return ;;
    --vm) _kvm_tsc_words vms "$word"; return ;;
    --) [[ $command == undo ]] || _kvm_tsc_words vms "$word"; return ;;
  esac
  if [[ $word != -* ]]; then
    case $before in
      show|plan|correct) _kvm_tsc_words vms "$word"; return ;;
      undo) _kvm_tsc_words corrections "$word"; return ;;
    esac
  fi
  case $command in
)sh";

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::string script;
  if (shell == "zsh") {
    // Where .zshrc has not started completing by itself, compdef is not there yet.
    script +=
        "(( $+functions[compdef] )) || { autoload -U compinit && compinit; }\n"
        "autoload -U +X bashcompinit && bashcompinit\n";
  }
  script += kHead;
  for (const CLI::App* command : app.get_subcommands({})) {
    script += "      " + command->get_name() + ") command=$w ;;\n";
  }
  script += kWords;
  const auto words = [](const CLI::App& of) {
    return "COMPREPLY=($(compgen -W \"" + words_of(of) + "\" -- \"$word\")) ;;\n";
  };
  for (const CLI::App* command : app.get_subcommands({})) {
    script += "    " + command->get_name() + ") " + words(*command);
  }
  return script + "    *) " + words(app) + "  esac\n}\ncomplete -F _kvm_tsc kvm-tsc\n";
}

}  // namespace kvmtsc
