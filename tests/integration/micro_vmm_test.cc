// The micro VMM on this host's KVM: what it says of its guests, held against debugfs and the
// guests' own RDTSC.
#include "tests/integration/micro_vmm.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/requirements.h"
#include "tsc/scaling.h"

namespace kvmtsc::integration {
namespace {

using nlohmann::json;

// The guest's TSC less the host's in the middle of the bracket, and how far that may be off.
struct MeasuredOffset {
  std::int64_t ticks = 0;
  std::int64_t bound = 0;
};

MeasuredOffset measured_offset(const json& sample) {
  const std::uint64_t before = as_u64(sample["host_tsc_before"]);
  const std::uint64_t after = as_u64(sample["host_tsc_after"]);
  const std::uint64_t half = (after - before) / 2;
  return {tick_difference(as_u64(sample["tsc"]), before + half),
          static_cast<std::int64_t>(half) + 1};
}

std::vector<VcpuId> ids_of(const json& vcpus) {
  std::vector<VcpuId> ids;
  for (const json& vcpu : vcpus) {
    ids.push_back(vcpu["id"]);
  }
  return ids;
}

class MicroVmmTest : public testing::Test {
 protected:
  void SetUp() override { REQUIRE_KVM(); }

  void start(const std::vector<std::string>& arguments) {
    auto vmm = MicroVmm::start(arguments);
    ASSERT_OK(vmm);
    vmm_ = std::move(*vmm);
  }

  json command(const std::string& line) {
    auto answer = vmm_->command(line);
    EXPECT_TRUE(answer.ok()) << answer.error().text();
    return answer.ok() ? *answer : json{{"vcpus", json::array()}};
  }

  std::string error_of(const std::string& line) {
    const auto answer = vmm_->command(line);
    return answer.ok() ? "no error, but " + answer->dump() : answer.error().text();
  }

  std::unique_ptr<MicroVmm> vmm_;
};

TEST_F(MicroVmmTest, GuestTscAdvancesOnEveryVcpu) {
  ASSERT_NO_FATAL_FAILURE(start({"--ids", "0,2,5,9"}));
  const std::vector<VcpuId> ids{0, 2, 5, 9};
  EXPECT_EQ(ids_of(vmm_->ready()["vm"][0]["vcpus"]), ids);
  const json first = command("tsc")["vcpus"];
  const json second = command("tsc")["vcpus"];
  ASSERT_EQ(ids_of(first), ids);
  ASSERT_EQ(ids_of(second), ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_GT(as_u64(second[i]["tsc"]), as_u64(first[i]["tsc"])) << "vCPU " << ids[i];
  }
}

TEST_F(MicroVmmTest, GuestTscIsHostTscPlusOffset) {
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "2"}));
  const json offsets = command("offsets")["vcpus"];
  const json samples = command("tsc")["vcpus"];
  ASSERT_EQ(offsets.size(), 2U);
  ASSERT_EQ(samples.size(), 2U);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const MeasuredOffset measured = measured_offset(samples[i]);
    EXPECT_LE(std::abs(measured.ticks - as_i64(offsets[i]["offset"])), measured.bound)
        << samples[i] << " does not agree with " << offsets[i];
  }
}

TEST_F(MicroVmmTest, DebugfsShowsItsVcpusAndTheSameOffsets) {
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  ASSERT_NO_FATAL_FAILURE(start({"--ids", "9,0,5"}));
  const std::string vm = vmm_->directory();
  const auto listed = (*debugfs)->vcpus(vm);
  ASSERT_OK(listed);
  EXPECT_EQ(*listed, (std::vector<VcpuId>{0, 5, 9}));
  const json offsets = command("offsets");
  for (const json& vcpu : offsets["vcpus"]) {
    const auto shown = (*debugfs)->tsc_offset(vm, vcpu["id"]);
    ASSERT_OK(shown);
    EXPECT_EQ(*shown, as_i64(vcpu["offset"])) << "vCPU " << vcpu["id"];
  }
}

// Either KVM moves the guest's TSC by exactly what was written, or it says in the read-back that it
// did not, and then the guest's TSC must not have moved.
TEST_F(MicroVmmTest, WrittenOffsetTakesEffectOrIsSeenNotTo) {
  constexpr std::int64_t kStep = -3'000'000'000;
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "1"}));
  const std::int64_t old_offset = as_i64(command("offsets")["vcpus"][0]["offset"]);
  const MeasuredOffset before = measured_offset(command("tsc")["vcpus"][0]);
  const json written = command("set-offset 0 " + std::to_string(old_offset + kStep));
  const MeasuredOffset after = measured_offset(command("tsc")["vcpus"][0]);

  const bool applied = written["applied"];
  std::cout << (applied ? "this KVM applies TSC offsets\n"
                        : "this KVM accepts TSC offsets and ignores them\n");
  EXPECT_EQ(as_i64(written["offset"]), applied ? old_offset + kStep : old_offset);
  EXPECT_LE(std::abs(after.ticks - before.ticks - (applied ? kStep : 0)),
            before.bound + after.bound)
      << "the guest's TSC moved by " << after.ticks - before.ticks << " ticks";
}

TEST_F(MicroVmmTest, WritesOneOffsetToEveryVcpu) {
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "2"}));
  const json answers = command("set-all-offsets -12345")["vcpus"];
  ASSERT_EQ(answers.size(), 2U);
  for (const json& vcpu : answers) {
    EXPECT_EQ(vcpu["applied"].get<bool>(), as_i64(vcpu["offset"]) == -12345) << vcpu;
  }
}

// The guest sleeps inside KVM_RUN; only an ioctl on the vCPU's own thread can get past that.
TEST_F(MicroVmmTest, AnswersWhileItsGuestsHalt) {
  for (const char* irqchip : {"kernel", "none"}) {
    ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "2", "--guest", "halt", "--irqchip", irqchip}));
    EXPECT_EQ(command("offsets")["vcpus"].size(), 2U) << irqchip;
    EXPECT_GT(command("khz")["vcpus"][0]["khz"], 0) << irqchip;
    EXPECT_NE(error_of("tsc").find("stores no TSC"), std::string::npos);
  }
}

TEST_F(MicroVmmTest, IsNamedAfterTheThreadThatCreatedIt) {
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  for (const char* thread : {"other", "ended"}) {
    ASSERT_NO_FATAL_FAILURE(start({"--thread", thread}));
    const json& vm = vmm_->ready()["vm"][0];
    EXPECT_NE(vm["creator"], vmm_->ready()["pid"]) << thread;
    EXPECT_TRUE((*debugfs)->has_vm(vmm_->directory())) << thread << ": " << vm;
  }
}

TEST_F(MicroVmmTest, HotPlugsVcpusAndVms) {
  ASSERT_NO_FATAL_FAILURE(start({"--ids", "4"}));
  EXPECT_EQ(command("add-vcpu 7")["id"], 7);
  EXPECT_NE(error_of("add-vcpu 7").find("File exists"), std::string::npos);
  EXPECT_EQ(ids_of(command("tsc")["vcpus"]), (std::vector<VcpuId>{4, 7}));
  EXPECT_EQ(command("add-vm")["index"], 1);
  EXPECT_EQ(ids_of(command("1 tsc")["vcpus"]), (std::vector<VcpuId>{4}));
  EXPECT_EQ(command("close-vm 0")["closed"], 0);
  EXPECT_NE(error_of("0 tsc").find("no VM 0"), std::string::npos);
  EXPECT_EQ(command("1 tsc")["vcpus"].size(), 1U);
}

TEST_F(MicroVmmTest, ClosedVmLeavesDebugfs) {
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  ASSERT_NO_FATAL_FAILURE(start({"--vms", "2", "--vcpus", "2"}));
  const std::string first = vmm_->directory(0);
  const std::string second = vmm_->directory(1);
  ASSERT_TRUE((*debugfs)->has_vm(first));
  command("close-vm 0");
  EXPECT_TRUE(eventually(Milliseconds{2000}, [&] { return !(*debugfs)->has_vm(first); }));
  EXPECT_TRUE((*debugfs)->has_vm(second));
}

TEST_F(MicroVmmTest, PausesAndResumes) {
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "1"}));
  command("tsc");
  command("pause");
  EXPECT_NE(error_of("tsc").find("stores no TSC"), std::string::npos);
  EXPECT_EQ(command("offsets")["vcpus"].size(), 1U) << "a paused vCPU still answers ioctls";
  command("resume");
  EXPECT_EQ(command("tsc")["vcpus"].size(), 1U);
}

TEST_F(MicroVmmTest, GuestKvmclockAgreesWithKvm) {
  constexpr std::uint64_t kSlack = 10'000'000;  // ns; without a master clock pages drift apart
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "1", "--pvclock"}));
  const std::uint64_t before = as_u64(command("clock")["clock_ns"]);
  const json sample = command("kvmclock")["vcpus"][0];
  const std::uint64_t after = as_u64(command("clock")["clock_ns"]);
  const std::uint64_t allowed = as_u64(sample["bound_ns"]) + kSlack;
  const std::uint64_t kvmclock = as_u64(sample["kvmclock_ns"]);
  EXPECT_GE(kvmclock + allowed, before) << sample;
  EXPECT_LE(kvmclock, after + allowed) << sample;
}

TEST_F(MicroVmmTest, ClockLeavesOutWhatItsFlagsDo) {
  constexpr unsigned kRealtime = 4;
  constexpr unsigned kHostTsc = 8;
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "1", "--guest", "idle"}));
  const json clock = command("clock");
  const unsigned flags = clock["flags"];
  EXPECT_EQ(clock["host_tsc"].is_null(), (flags & kHostTsc) == 0) << clock;
  EXPECT_EQ(clock["realtime_ns"].is_null(), (flags & kRealtime) == 0) << clock;
}

TEST_F(MicroVmmTest, RefusesBadCommands) {
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "1", "--guest", "idle"}));
  EXPECT_NE(error_of("frobnicate").find("no command 'frobnicate'"), std::string::npos);
  EXPECT_NE(error_of("").find("no command"), std::string::npos);
  EXPECT_NE(error_of("set-offset 0").find("usage: set-offset VCPU TICKS"), std::string::npos);
  EXPECT_NE(error_of("set-offset 0 x").find("not ticks"), std::string::npos);
  EXPECT_NE(error_of("set-offset 3 1").find("no vCPU 3"), std::string::npos);
  EXPECT_NE(error_of("set-offset 0 9223372036854775808").find("not ticks"), std::string::npos);
  EXPECT_NE(error_of("close-vm 8").find("no VM 8"), std::string::npos);
  EXPECT_NE(error_of("tsc").find("idle guest"), std::string::npos);
}

TEST_F(MicroVmmTest, EndsWhenItsInputCloses) {
  ASSERT_NO_FATAL_FAILURE(start({"--vcpus", "2", "--guest", "halt"}));
  vmm_->process().close_input();
  const auto status = vmm_->process().wait_exit(Milliseconds{5000});
  ASSERT_OK(status);
  EXPECT_EQ(status->code, 0);
  EXPECT_EQ(status->signal, 0);
}

TEST_F(MicroVmmTest, CreatesTwoThousandVcpusQuickly) {
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(start({"--vms", "250", "--vcpus", "8", "--guest", "idle"}));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << "250 VMs of 8 vCPUs in " << took.count() << " s\n";
  EXPECT_EQ(vmm_->ready()["vm"].size(), 250U);
  EXPECT_TRUE(vmm_->ready()["vm"][249]["vcpus"][7]["tid"].is_null());
}

}  // namespace
}  // namespace kvmtsc::integration
