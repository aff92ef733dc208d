#include "collectors/process.h"

#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/fakes/proc_tree.h"

namespace kvmtsc {
namespace {

using fakes::FakeProcess;
using fakes::ProcTree;

TEST(Process, ReadsALeaderAndAThread) {
  ProcTree tree;
  tree.add({.tid = 100, .comm = "qemu", .argv = {"qemu", "-S"}, .start_time = 77});
  tree.add({.tid = 105, .pid = 100, .comm = "CPU 0/KVM", .start_time = 80});
  const Process leader(tree.root(), 100);
  EXPECT_EQ(*leader.thread_group(), 100);
  EXPECT_EQ(*leader.start_time(), 77u);
  EXPECT_EQ(*leader.comm(), "qemu");
  EXPECT_EQ(*leader.arguments(), (std::vector<std::string>{"qemu", "-S"}));
  EXPECT_EQ(*leader.cgroup(), "/system.slice");
  EXPECT_EQ(*Process(tree.root(), 105).thread_group(), 100);
}

TEST(Process, CommMayHoldAnything) {
  for (const std::string comm :
       {"a b", "a) S 1 (b", ")", "(((", "a\nTgid:\t1", "a\\b", "", "\xFF"}) {
    ProcTree tree;
    tree.add({.tid = 100, .comm = comm, .start_time = 4242});
    const Process process(tree.root(), 100);
    EXPECT_EQ(*process.thread_group(), 100) << comm;
    EXPECT_EQ(*process.start_time(), 4242u) << comm;
    EXPECT_EQ(*process.comm(), comm);
  }
}

TEST(Process, MalformedFilesAreInvalid) {
  ProcTree tree;
  tree.add({.tid = 100});
  const Process process(tree.root(), 100);
  for (const char* status : {"", "Name:\tx\n", "Tgid:\t\n", "Tgid:\t0\n", "Tgid:\t-5\n",
                             "Tgid:\t4294967295\n", "Tgid:\t1 2\n"}) {
    tree.write(100, "status", status);
    ASSERT_FALSE(process.thread_group()) << status;
    EXPECT_EQ(process.thread_group().error().kind, ErrorKind::kInvalid) << status;
  }
  for (const char* stat : {"", "100 (x", "100 (x) S 1 2 3",
                           "100 (x) S a b c d e f g h i j k l m n "
                           "o p q r s t u v w x y z"}) {
    tree.write(100, "stat", stat);
    ASSERT_FALSE(process.start_time()) << stat;
    EXPECT_EQ(process.start_time().error().kind, ErrorKind::kInvalid) << stat;
  }
}

TEST(Process, WhatHasEndedIsNotFound) {
  const ProcTree tree;
  const Process process(tree.root(), 100);
  EXPECT_EQ(process.thread_group().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(process.start_time().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(process.comm().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(process.arguments().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(process.cgroup().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(process.has_vm().error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(*process.is_vm(3));
}

TEST(Process, ArgumentsKeepEmptyOnesBetweenAndDropThePaddingAfter) {
  ProcTree tree;
  tree.add({.tid = 100, .argv = {"a", "", "b\n\"", "", ""}});
  EXPECT_EQ(*Process(tree.root(), 100).arguments(), (std::vector<std::string>{"a", "", "b\n\""}));
  tree.add({.tid = 101});
  EXPECT_TRUE(Process(tree.root(), 101).arguments()->empty());
  tree.add({.tid = 102});
  tree.write(102, "cmdline", "overwritten: by itself");  // no NUL at the end
  EXPECT_EQ(*Process(tree.root(), 102).arguments(),
            std::vector<std::string>{"overwritten: by itself"});
}

TEST(Process, AHugeCommandLineIsCutBetweenArguments) {
  ProcTree tree;
  const std::string half(Process::kMaxCommandLine / 2, 'x');
  tree.add({.tid = 100, .argv = {"a", half, half, half}});
  EXPECT_EQ(*Process(tree.root(), 100).arguments(), (std::vector<std::string>{"a", half}));
  // Exactly at the limit nothing is cut.
  tree.add({.tid = 101, .argv = {std::string(Process::kMaxCommandLine - 1, 'y')}});
  EXPECT_EQ(Process(tree.root(), 101).arguments()->at(0).size(), Process::kMaxCommandLine - 1);
}

TEST(Process, ChoosesTheCgroupThatSaysMost) {
  ProcTree tree;
  const auto cgroup = [&](const std::string& content) {
    tree.add({.tid = 100, .cgroup = content});
    return *Process(tree.root(), 100).cgroup();
  };
  EXPECT_EQ(cgroup("0::/a:b/c\n"), "/a:b/c");
  EXPECT_EQ(cgroup("4:memory:/m\n1:name=systemd:/s\n0::/u\n"), "/u");
  EXPECT_EQ(cgroup("4:memory:/m\n1:name=systemd:/s\n0::/\n"), "/s");
  EXPECT_EQ(cgroup("5:cpu:/c\n4:memory:/m\n1:name=systemd:/\n0::/\n"), "/c");
  EXPECT_EQ(cgroup("1:name=systemd:/\n0::/\n"), "/");
  EXPECT_EQ(cgroup(""), "");
  EXPECT_EQ(cgroup("no colons\n:\n"), "");
}

TEST(Process, KnowsWhichDescriptorsAreVms) {
  ProcTree tree;
  tree.add(
      {.tid = 100, .fds = {{3, "/dev/kvm"}, {9, fakes::kVmLink}, {10, "anon_inode:kvm-vcpu:0"}}});
  tree.add({.tid = 200, .fds = {{3, "/dev/kvm"}, {9, "/tmp/anon_inode:kvm-vm"}}});
  const Process owner(tree.root(), 100);
  EXPECT_TRUE(*owner.is_vm(9));
  EXPECT_FALSE(*owner.is_vm(10));
  EXPECT_FALSE(*owner.is_vm(4));
  EXPECT_TRUE(*owner.has_vm());
  const Process other(tree.root(), 200);
  EXPECT_FALSE(*other.is_vm(9));
  EXPECT_FALSE(*other.has_vm());
}

TEST(Process, ReadsThisProcess) {
  const Process self(HostRoot{}, ::getpid());
  EXPECT_EQ(*self.thread_group(), ::getpid());
  EXPECT_GT(*self.start_time(), 0u);
  EXPECT_EQ(std::filesystem::path(self.arguments()->at(0)).filename(), "unit_collectors");
  EXPECT_TRUE(self.cgroup()->starts_with('/'));
  EXPECT_FALSE(*self.has_vm());
}

}  // namespace
}  // namespace kvmtsc
