#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Completion, KnowsCommandsAndTheirOptions) {
  CLI::App app{"", "kvm-tsc"};
  bool flag = false;
  app.add_flag("--json", flag);
  app.add_subcommand("plan")->add_flag("--restore,-r", flag);
  const std::string bash = completion_script(app, "bash");
  EXPECT_NE(bash.find("plan) COMPREPLY=($(compgen -W \"--help --restore\""), bash.npos) << bash;
  EXPECT_NE(bash.find("*) COMPREPLY=($(compgen -W \"plan --help --json\""), bash.npos) << bash;
  EXPECT_EQ(bash.find("bashcompinit"), bash.npos);
  const std::string zsh = completion_script(app, "zsh");
  EXPECT_NE(zsh.find("autoload -U +X bashcompinit && bashcompinit\n"), zsh.npos);
  EXPECT_TRUE(zsh.ends_with(bash));
}

}  // namespace
}  // namespace kvmtsc
