#include "collectors/process_file.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/fakes/proc_tree.h"

namespace kvmtsc {
namespace {

namespace fs = std::filesystem;

// Process 7, whose root is <tree>/7/root, with a working directory in it.
class ProcessFile : public testing::Test {
 protected:
  ProcessFile() {
    tree_.add({.tid = 7});
    fs::create_directories(tree_.path(7, "root/etc/dir"));
    tree_.write(7, "root/etc/vm.cfg", "in the root");
    fs::create_symlink(tree_.path(7, "root/etc"), tree_.path(7, "cwd"));
    const auto mounts = read_file("/proc/self/mountinfo", std::size_t{1} << 20);
    tree_.write(7, "mountinfo", mounts ? *mounts : "");
  }

  std::string read(const std::string& path, std::size_t limit = 100) const {
    const auto content = read_process_file(tree_.root(), 7, path, limit);
    return content ? *content : error_kind_name(content.error().kind);
  }

  fakes::ProcTree tree_;
};

TEST_F(ProcessFile, IsFoundFromTheRootOrTheWorkingDirectoryOfItsProcess) {
  EXPECT_EQ(read("/etc/vm.cfg"), "in the root");
  EXPECT_EQ(read("vm.cfg"), "in the root");
  EXPECT_EQ(read("/vm.cfg"), "not_found");
  EXPECT_EQ(read(""), "not_found");
}

TEST_F(ProcessFile, NoWayLeadsOutOfThere) {
  tree_.write(8, "secret", "the host's");
  const std::string secret = fs::absolute(tree_.path(8, "secret"));
  fs::create_symlink(secret, tree_.path(7, "root/etc/link"));
  fs::create_symlink("/etc/vm.cfg", tree_.path(7, "root/inside"));
  fs::create_symlink(tree_.path(8, ""), tree_.path(7, "root/out"));
  EXPECT_EQ(read("/etc/link"), "not_found");
  EXPECT_EQ(read("/out/secret"), "not_found");
  EXPECT_EQ(read("/../../8/secret"), "not_found");
  EXPECT_EQ(read("../../../8/secret"), "not_found");
  EXPECT_EQ(read("/inside"), "in the root") << "an absolute link begins at the process's root";
}

TEST_F(ProcessFile, NothingThatWouldKeepUsWaitingIsOpened) {
  ASSERT_EQ(::mkfifo(tree_.path(7, "root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(read("/fifo"), "refused");
  EXPECT_EQ(read("/etc/dir"), "refused");
  tree_.write(7, "mountinfo", "");
  EXPECT_EQ(read("/etc/vm.cfg"), "refused") << "which file system it is on is not known";
}

TEST_F(ProcessFile, OnlyTheHostsOwnFileSystemsAreReadAndNoneIsLeft) {
  if (::mount("none", tree_.path(7, "root/etc/dir").c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "may not mount";
  }
  tree_.write(7, "root/etc/dir/vm.cfg", "mounted");
  EXPECT_EQ(read("/etc/dir/vm.cfg"), "refused") << "another file system";
  fs::remove(tree_.path(7, "cwd"));
  fs::create_symlink(tree_.path(7, "root/etc/dir"), tree_.path(7, "cwd"));
  const auto mounts = read_file("/proc/self/mountinfo", std::size_t{1} << 20);
  ASSERT_TRUE(mounts);
  tree_.write(7, "mountinfo", *mounts);
  EXPECT_EQ(read("vm.cfg"), "mounted");
  std::string of_a_tenant = *mounts;
  for (auto at = of_a_tenant.find(" - tmpfs "); at != std::string::npos;
       at = of_a_tenant.find(" - tmpfs ")) {
    of_a_tenant.replace(at, 9, " - fuse.x ");
  }
  tree_.write(7, "mountinfo", of_a_tenant);
  EXPECT_EQ(read("vm.cfg"), "refused");
  EXPECT_EQ(::umount(tree_.path(7, "root/etc/dir").c_str()), 0);
}

TEST_F(ProcessFile, WhatIsTooLongIsRefusedWhole) {
  EXPECT_EQ(read("/etc/vm.cfg", 11), "in the root");
  EXPECT_EQ(read("/etc/vm.cfg", 10), "refused");
}

}  // namespace
}  // namespace kvmtsc
