#include "cli/near_misses.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

class NearMissesTest : public testing::Test {
 protected:
  NearMissesTest() {
    app_.add_option("--server", text_);
    app_.add_flag("--json", flag_);
    app_.add_subcommand("show", "")->add_option("VM", text_);
    auto* correct = app_.add_subcommand("correct", "");
    correct->add_option("VM", text_);
    correct->add_option("--allow", text_);
    app_.add_subcommand("complete", "")->group("");
  }
  std::string of(const std::vector<std::string>& arguments) {
    return near_miss(app_, arguments).value_or("");
  }

  CLI::App app_{"", "kvm-tsc"};
  std::string text_;
  bool flag_ = false;
};

TEST_F(NearMissesTest, OfCommands) {
  EXPECT_EQ(of({"shwo"}), "there is no command \"shwo\"; did you mean show?");
  EXPECT_EQ(of({"--json", "--server", "unix:/x", "corect", "web"}),
            "there is no command \"corect\"; did you mean correct?");
  EXPECT_EQ(of({"frobnicate"}), "there is no command \"frobnicate\"; see kvm-tsc --help");
  EXPECT_EQ(of({"complet"}), "there is no command \"complet\"; see kvm-tsc --help");  // hidden
}

TEST_F(NearMissesTest, OfFlags) {
  EXPECT_EQ(of({"correct", "web", "--alow", "x"}),
            "there is no flag \"--alow\"; did you mean --allow?");
  EXPECT_EQ(of({"show", "web", "--sever=unix:/x"}),
            "there is no flag \"--sever\"; did you mean --server?");
}

TEST_F(NearMissesTest, OfVmsWhoseNamesLookLikeFlags) {
  EXPECT_EQ(of({"show", "-web"}),
            "there is no flag \"-web\"; a VM's name that begins with - comes after --");
  EXPECT_EQ(of({"show", "--", "--web"}), "");
}

TEST_F(NearMissesTest, NothingWhereTheMistakeIsAnother) {
  EXPECT_EQ(of({"show"}), "");
  EXPECT_EQ(of({"correct", "web", "--allow"}), "");
  EXPECT_EQ(of({}), "");
  EXPECT_EQ(of({"--json"}), "");
}

}  // namespace
}  // namespace kvmtsc
