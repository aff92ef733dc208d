#include "collectors/migration_signs.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/proc_tree.h"

namespace kvmtsc {
namespace {

// A QEMU (process 100) with the VM 100-9 of two vCPUs.
class MigrationSigns : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& argv, const std::string& second_thread) {
    tree_.add({.tid = 100, .comm = "qemu-system-x86", .argv = argv});
    for (const char* thread : {"100", "105"}) {
      const std::string directory = tree_.path(100, "task") + "/" + thread;
      std::filesystem::create_directories(directory);
      std::ofstream(directory + "/comm")
          << (thread == std::string("105") ? second_thread : "qemu") << '\n';
    }
    root_ = tree_.root();
    root_.debugfs = tree_.path(100, "debugfs");
  }

  void vcpu_ran_in(int vcpu, const std::string& thread) const {
    const std::string directory = root_.debugfs + "/kvm/100-9/vcpu" + std::to_string(vcpu);
    std::filesystem::create_directories(directory);
    std::ofstream(directory + "/pid") << thread << '\n';
  }

  fakes::ProcTree tree_;
  HostRoot root_;
};

TEST_F(MigrationSigns, AreThreadsOfTheSender) {
  for (const char* thread : {"live_migration", "mig/src/main", "multifdsend_0"}) {
    start({"qemu-system-x86_64"}, thread);
    EXPECT_TRUE(shows_migration(root_, 100)) << thread;
  }
  start({"qemu-system-x86_64"}, "CPU 0/KVM");
  EXPECT_FALSE(shows_migration(root_, 100));
}

TEST_F(MigrationSigns, AreVcpusThatWaitForTheirState) {
  start({"qemu-system-x86_64", "-incoming", "tcp:0:4444"}, "CPU 0/KVM");
  EXPECT_FALSE(shows_migration(root_, 100)) << "there is no VM";
  vcpu_ran_in(0, "0");
  vcpu_ran_in(1, "0");
  EXPECT_TRUE(shows_migration(root_, 100));
  vcpu_ran_in(1, "106");
  EXPECT_FALSE(shows_migration(root_, 100)) << "it has arrived";
}

TEST_F(MigrationSigns, AreNotVcpusThatHaveNotBeenStarted) {
  start({"qemu-system-x86_64", "-S", "-name", "incoming"}, "CPU 0/KVM");
  vcpu_ran_in(0, "0");
  EXPECT_FALSE(shows_migration(root_, 100));
}

TEST_F(MigrationSigns, AreNotSeenInAProcessThatIsGone) {
  start({"qemu-system-x86_64"}, "live_migration");
  EXPECT_FALSE(shows_migration(root_, 200));
}

}  // namespace
}  // namespace kvmtsc
