#include "collectors/proc_identifier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/fakes/proc_tree.h"

namespace kvmtsc {
namespace {

using fakes::FakeProcess;
using fakes::ProcTree;

constexpr VmKey kKey{.creator = 100, .fd = 9, .incarnation = 1};

FakeProcess qemu(pid_t pid, const std::string& name) {
  return {.tid = pid,
          .comm = "qemu-system-x86",
          .argv = {"/usr/bin/qemu-system-x86_64", "-name", "guest=" + name, "-uuid", "u-" + name},
          .start_time = static_cast<std::uint64_t>(pid) * 10,
          .fds = {{3, "/dev/kvm"}, {9, fakes::kVmLink}}};
}

class ProcIdentifierTest : public testing::Test {
 protected:
  VmIdentity identify(const std::vector<pid_t>& threads = {},
                      const std::vector<IdentityRuleText>& rules = {}, const VmKey& key = kKey) {
    auto compiled = IdentityRules::compile(rules);
    EXPECT_TRUE(compiled.ok());
    return ProcIdentifier(tree_.root(), *compiled).identify(key, threads);
  }
  void expect_unknown(const VmIdentity& identity) {
    EXPECT_EQ(identity.pid, 0);
    EXPECT_EQ(identity.process_start, 0u);
    EXPECT_EQ(identity.name, "vm-100-9");
    EXPECT_EQ(identity.vmm, "");
    EXPECT_EQ(identity.uuid, "");
    EXPECT_TRUE(identity.process_unknown);
  }
  ProcTree tree_;
};

TEST_F(ProcIdentifierTest, AVmmsOwnFileIsReadFromItsOwnRoot) {
  FakeProcess process = qemu(100, "x");
  process.argv = {"/usr/bin/kvm", "-readconfig", "/etc/vm.cfg", "-smbios", "type=1,uuid=u-1"};
  tree_.add(process);
  std::filesystem::create_directories(tree_.path(100, "root/etc"));
  tree_.write(100, "root/etc/vm.cfg", "[name]\n  guest = \"from its file\"\n");
  EXPECT_EQ(identify().name, "qemu-system-x86-100") << "which file system that is on is not known";
  const auto mounts = read_file("/proc/self/mountinfo", std::size_t{1} << 20);
  ASSERT_TRUE(mounts);
  tree_.write(100, "mountinfo", *mounts);
  EXPECT_EQ(identify().name, "from its file");
  EXPECT_EQ(identify().uuid, "u-1");
}

TEST_F(ProcIdentifierTest, TheHolderIsTheLowestThatOwnsNoneOfThatNumber) {
  ProcIdentifier identifier(tree_.root(), {});
  EXPECT_EQ(identifier.find_holder(kKey, {}), 0);
  tree_.add(qemu(300, "owner"));
  tree_.add(qemu(310, "heir"));
  tree_.add(qemu(320, "heir"));
  tree_.add({.tid = 305, .fds = {{8, fakes::kVmLink}, {9, "/dev/null"}}});
  EXPECT_EQ(identifier.find_holder(kKey, {300}), 310);
}

TEST_F(ProcIdentifierTest, AnOwnerThatIsNotThereHasEndedOnlyWhereAllCanBeSeen) {
  ProcIdentifier identifier(tree_.root(), {});
  const std::vector<pid_t> threads{101};
  EXPECT_FALSE(identifier.owner_has_ended(kKey, threads));  // which namespace this is, is not known
  std::filesystem::create_directories(tree_.root().proc + "/self/ns");
  std::filesystem::create_symlink("pid:[4026531836]", tree_.root().proc + "/self/ns/pid");
  EXPECT_TRUE(identifier.owner_has_ended(kKey, threads));
  tree_.add(qemu(101, "vcpu"));
  EXPECT_FALSE(identifier.owner_has_ended(kKey, threads));
}

TEST_F(ProcIdentifierTest, SaysWhyAProcessIsNotKnown) {
  const auto nowhere = identify({95}).process_unknown;
  ASSERT_TRUE(nowhere);
  EXPECT_NE(nowhere->message.find("neither thread 100 nor a vCPU's"), std::string::npos);
  EXPECT_NE(nowhere->remedy.find("PID namespace"), std::string::npos);
  FakeProcess stranger = qemu(100, "stranger");
  stranger.fds = {{9, "/tmp/file"}};
  tree_.add(stranger);
  const auto another = identify().process_unknown;
  ASSERT_TRUE(another);
  EXPECT_NE(another->message.find("process 100, which KVM names for the VM, holds no VM"),
            std::string::npos);
  tree_.add(qemu(100, "web"));
  EXPECT_FALSE(identify().process_unknown);
}

TEST_F(ProcIdentifierTest, TheCreatorLeadsToItsProcess) {
  tree_.add(qemu(90, "web"));
  tree_.add({.tid = 100, .pid = 90, .comm = "worker"});
  const auto identity = identify();
  EXPECT_EQ(identity.pid, 90);
  EXPECT_EQ(identity.process_start, 900u);
  EXPECT_EQ(identity.vmm, "qemu");
  EXPECT_EQ(identity.name, "web");
  EXPECT_EQ(identity.uuid, "u-web");
}

TEST_F(ProcIdentifierTest, AVcpuThreadLeadsThereWhenTheCreatorHasEnded) {
  tree_.add(qemu(90, "web"));
  tree_.add({.tid = 95, .pid = 90});
  EXPECT_EQ(identify({0, -1, 94, 95}).pid, 90);
  expect_unknown(identify({0, 94}));
}

TEST_F(ProcIdentifierTest, AStrangerWithTheCreatorsTidIsNotBelieved) {
  FakeProcess stranger = qemu(100, "stranger");
  stranger.fds = {{9, "/tmp/file"}};
  tree_.add(stranger);
  expect_unknown(identify());
  tree_.add(qemu(90, "web"));
  tree_.add({.tid = 95, .pid = 90});
  EXPECT_EQ(identify({95}).name, "web");
}

TEST_F(ProcIdentifierTest, AStrangerWithAVmOfItsOwnIsOutvotedByTheVcpuThreads) {
  tree_.add(qemu(100, "stranger"));
  tree_.add(qemu(90, "web"));
  tree_.add({.tid = 95, .pid = 90});
  EXPECT_EQ(identify({95}).name, "web");
  // And the other way round: one stale vCPU thread does not outvote the others.
  tree_.add({.tid = 101, .pid = 100});
  tree_.add({.tid = 102, .pid = 100});
  EXPECT_EQ(identify({95, 101, 102}).name, "stranger");
}

TEST_F(ProcIdentifierTest, TheDescriptorMayHaveMoved) {
  FakeProcess moved = qemu(100, "web");
  moved.fds = {{3, "/dev/kvm"}, {27, fakes::kVmLink}};
  tree_.add(moved);
  EXPECT_EQ(identify().name, "web");
}

TEST_F(ProcIdentifierTest, ALivingThreadStandsInForALeaderThatHasEnded) {
  FakeProcess process = qemu(90, "web");
  FakeProcess thread = process;
  process.argv.clear();
  process.fds.clear();
  tree_.add(process);
  thread.tid = 100;
  thread.pid = 90;
  thread.comm = "vcpu0";
  tree_.add(thread);
  const auto identity = identify();
  EXPECT_EQ(identity.pid, 90);
  EXPECT_EQ(identity.name, "web");
}

TEST_F(ProcIdentifierTest, FallsBackToCommThenToTheDirectory) {
  tree_.add({.tid = 100, .comm = "my vmm", .argv = {"./x"}, .fds = {{9, fakes::kVmLink}}});
  EXPECT_EQ(identify().name, "my vmm-100");
  EXPECT_EQ(identify().vmm, "my vmm");
  tree_.add({.tid = 100, .comm = "", .fds = {{9, fakes::kVmLink}}});
  EXPECT_EQ(identify().name, "vm-100-9");
  EXPECT_EQ(identify().pid, 100);
  std::filesystem::remove(tree_.path(100, "comm"));
  std::filesystem::remove(tree_.path(100, "cmdline"));
  std::filesystem::remove(tree_.path(100, "cgroup"));
  EXPECT_EQ(identify().pid, 100);
  expect_unknown(ProcIdentifier({.proc = "/nonexistent"}, {}).identify(kKey, {}));
}

TEST_F(ProcIdentifierTest, NamesOfAnyBytesComeOutAsValidUtf8) {
  tree_.add(qemu(100, "\"q\" \\ ,,\n \xC3\xA9 \xFF"));
  EXPECT_EQ(identify().name, "\"q\" \\ ,\n \xC3\xA9 \xEF\xBF\xBD");
  tree_.add(qemu(100, std::string(4096, 'n')));
  EXPECT_EQ(identify().name, std::string(4096, 'n'));
  tree_.add(qemu(100, std::string(5000, 'n')));
  EXPECT_EQ(identify().name, std::string(4093, 'n') + "\xE2\x80\xA6");
  tree_.add({.tid = 100, .comm = "\xFFvm", .fds = {{9, fakes::kVmLink}}});
  EXPECT_EQ(identify().name, "\xEF\xBF\xBDvm-100");
  EXPECT_EQ(identify().vmm, "\xEF\xBF\xBDvm");
}

TEST_F(ProcIdentifierTest, RulesComeFirstAndLeaveTheRestToTheBuiltIn) {
  FakeProcess process = qemu(100, "web");
  process.cgroup = "0::/kubepods/pod-7/x\n";
  tree_.add(process);
  using Subject = IdentityRuleText::Subject;
  auto identity =
      identify({}, {{.subject = Subject::kCgroup, .pattern = "/(pod-\\d+)/", .name = "\\1"}});
  EXPECT_EQ(identity.name, "pod-7");
  EXPECT_EQ(identity.uuid, "u-web");
  EXPECT_EQ(identity.vmm, "qemu");
  identity = identify({}, {{.pattern = "-name (\\S+) -uuid (\\S+)$", .uuid = "\\2 of \\1"}});
  EXPECT_EQ(identity.name, "web");
  EXPECT_EQ(identity.uuid, "u-web of guest=web");
  EXPECT_EQ(identify({}, {{.pattern = "no such", .name = "x"}}).name, "web");
}

TEST_F(ProcIdentifierTest, SeveralVmsOfOneProcessShareItsIdentity) {
  FakeProcess process = qemu(100, "web");
  process.fds[11] = fakes::kVmLink;
  tree_.add(process);
  EXPECT_EQ(identify({}, {}, {100, 11, 2}).name, "web");
  EXPECT_EQ(identify().name, "web");
}

// The pid passes to another process while the first one's command line is read: a FIFO in its place
// says when.
TEST_F(ProcIdentifierTest, StartsOverWhenThePidIsReusedMeanwhile) {
  const FakeProcess first = qemu(100, "first");
  FakeProcess second = qemu(100, "second");
  second.start_time = 5000;
  for (const bool second_has_vm : {true, false}) {
    tree_.add(first);
    const std::string cmdline = tree_.path(100, "cmdline");
    std::filesystem::remove(cmdline);
    ASSERT_EQ(::mkfifo(cmdline.c_str(), 0600), 0);
    if (!second_has_vm) {
      second.fds.clear();
    }
    std::thread reuse([&] {
      const int fifo = ::open(cmdline.c_str(), O_WRONLY | O_CLOEXEC);  // waits for the reader
      tree_.add(second);
      constexpr std::string_view kFirst("qemu-system-x86_64\0-name\0first\0", 31);
      EXPECT_EQ(::write(fifo, kFirst.data(), kFirst.size()), 31);
      ::close(fifo);
    });
    const auto identity = identify();
    reuse.join();
    if (second_has_vm) {
      EXPECT_EQ(identity.name, "second");
      EXPECT_EQ(identity.process_start, 5000u);
    } else {
      expect_unknown(identity);
    }
  }
}

// What /proc/<pid>/fd of others is to a user without CAP_SYS_PTRACE. Root is refused nothing, so
// the test puts its rights down meanwhile.
class UnreadableDescriptors : public ProcIdentifierTest {
 protected:
  void hide(pid_t pid) { ASSERT_EQ(::chmod(tree_.path(pid, "fd").c_str(), 0), 0); }
  VmIdentity identify_as_nobody(const std::vector<pid_t>& threads) {
    constexpr uid_t kNobody = 65534;
    const uid_t before = ::geteuid();
    if (before == 0) {
      EXPECT_EQ(::seteuid(kNobody), 0);
    }
    auto identity = identify(threads);
    if (before == 0) {
      EXPECT_EQ(::seteuid(before), 0);
    }
    return identity;
  }
};

TEST_F(UnreadableDescriptors, AVmmIsBelieved) {
  tree_.add(qemu(100, "web"));
  hide(100);
  EXPECT_EQ(identify_as_nobody({}).name, "web");
}

TEST_F(UnreadableDescriptors, AnyOtherProgramOnlyIfAVcpuThreadAgrees) {
  tree_.add({.tid = 100, .comm = "other", .fds = {{9, fakes::kVmLink}}});
  tree_.add({.tid = 101, .pid = 100, .comm = "other"});
  tree_.add({.tid = 200, .comm = "stranger"});
  hide(100);
  hide(101);
  hide(200);
  EXPECT_EQ(identify_as_nobody({101}).name, "other-100");
  expect_unknown(identify_as_nobody({}));
  expect_unknown(identify_as_nobody({200}));
  EXPECT_EQ(identify_as_nobody({}).process_unknown->kind, ErrorKind::kPermission);
  EXPECT_NE(identify_as_nobody({}).process_unknown->remedy.find("CAP_SYS_PTRACE"),
            std::string::npos);
}

}  // namespace
}  // namespace kvmtsc
