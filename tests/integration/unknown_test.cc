// Where the service cannot know, everything that answers for it says so, and why: no list that
// looks empty, no VM that looks well, no counter that begins with its first failure.
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/fakes/small_disk.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/micro_vmm.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

using testing::HasSubstr;

constexpr Milliseconds kPatience{15000};

class UnknownTest : public testing::Test {
 protected:
  void start(std::vector<std::string> flags) {
    ExporterOptions options;
    options.flags = std::move(flags);
    auto exporter = Exporter::start(options);
    ASSERT_OK(exporter);
    exporter_ = *std::move(exporter);
    ASSERT_TRUE(eventually(kPatience, [&] {
      const auto samples = exporter_->metrics();
      return samples && samples->value("kvm_tsc_last_sweep_timestamp_seconds").has_value();
    }));
  }

  Finished kvm_tsc(std::vector<std::string> arguments) const {
    std::vector<std::string> command{product_program("kvm-tsc"), "--server",
                                     "http://127.0.0.1:" + std::to_string(exporter_->port())};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto finished = run_program(std::move(command), "", kPatience);
    EXPECT_OK(finished);
    return finished ? *finished : Finished{};
  }

  // A VM and, started by `launcher`, a service that is to read the VM's clock. Skips the test, and
  // leaves service_ empty, where that cannot be.
  void start_beside_a_vm(std::vector<std::string> launcher) {
    REQUIRE_KVM();
    REQUIRE_ROOT();
    REQUIRE_PROGRAM(launcher.front());
    auto debugfs = Debugfs::open();
    if (!debugfs) {
      GTEST_SKIP() << "missing: " << debugfs.error().text();
    }
    debugfs_ = *std::move(debugfs);
    auto vmm = MicroVmm::start({"--ids", "0,1", "--guest", "halt"});
    ASSERT_OK(vmm);
    vmm_ = *std::move(vmm);
    std::vector<std::string> command = std::move(launcher);
    command.insert(command.end(),
                   {product_program("kvm-tsc-exporter"), "--attach.mode=clock",
                    "--sweep.interval=1s", "--attach.clock-interval=1s",
                    "--path.debugfs=" + debugfs_->path(), "--web.listen-address=" + socket_});
    auto service = Process::start(std::move(command));
    ASSERT_OK(service);
    service_ = *std::move(service);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Exporter> exporter_;
  const std::string socket_ = "unix:" + directory_.path() + "/api.sock";
  std::unique_ptr<Debugfs> debugfs_;
  std::unique_ptr<MicroVmm> vmm_;
  std::unique_ptr<Process> service_;
};

TEST_F(UnknownTest, WithoutDebugfsNobodyIsToldThatThereAreNoVms) {
  start({"--path.debugfs=/nonexistent/debugfs"});
  const auto ready = exporter_->get("/-/ready");
  ASSERT_OK(ready);
  EXPECT_EQ(ready->status, 503);
  EXPECT_THAT(ready->body, HasSubstr("debugfs is not mounted at /nonexistent/debugfs"));
  EXPECT_EQ(exporter_->get("/-/healthy")->status, 200);
  EXPECT_EQ(exporter_->get("/api/v1/vms")->status, 503);
  EXPECT_EQ(exporter_->get("/api/v1/vms/web")->status, 503);
  const std::string page = exporter_->get("/")->body;
  EXPECT_THAT(page, HasSubstr("Whether any VM is running is not known."));
  EXPECT_THAT(page, HasSubstr("mount -t debugfs"));
  const Finished vms = kvm_tsc({"vms"});
  EXPECT_EQ(vms.status.code, 1);
  EXPECT_EQ(vms.output, "");
  EXPECT_THAT(vms.error_output, HasSubstr("it is not known whether any VM is running"));
  EXPECT_THAT(vms.error_output, HasSubstr("mount -t debugfs"));
}

TEST_F(UnknownTest, WithoutKvmThereAreNone) {
  std::filesystem::create_directories(directory_.path() + "/debugfs/tracing");
  std::filesystem::create_directories(directory_.path() + "/sys/devices/virtual/misc/hpet");
  start({"--path.debugfs=" + directory_.path() + "/debugfs",
         "--path.sysfs=" + directory_.path() + "/sys"});
  EXPECT_EQ(exporter_->get("/-/ready")->status, 200);
  const Finished vms = kvm_tsc({"vms"});
  EXPECT_EQ(vms.status.code, 0);
  EXPECT_EQ(vms.output, "No KVM guest is running on this host.\n");
}

TEST_F(UnknownTest, WhatWasListedBeforeStaysWithItsCountersAndIsNotShownAsOfNow) {
  const std::string debugfs = directory_.path() + "/debugfs";
  const std::string vcpu = debugfs + "/kvm/4711-5/vcpu0";
  std::filesystem::create_directories(vcpu);
  const TemporaryDirectory aside;
  for (const auto& [file, text] : {std::pair{"tsc-offset", "-1000\n"}, {"guest_mode", "0\n"}}) {
    FILE* const out = std::fopen((vcpu + "/" + file).c_str(), "w");
    ASSERT_NE(out, nullptr);
    std::fputs(text, out);
    std::fclose(out);
  }
  start({"--path.debugfs=" + debugfs});
  const Labels vm{{"vm", "vm-4711-5"}};
  ASSERT_TRUE(eventually(kPatience, [&] {
    const auto samples = exporter_->metrics();
    return samples && samples->value("kvm_tsc_vm_trusted", vm).has_value();
  }));
  std::filesystem::rename(debugfs + "/kvm", aside.path() + "/kvm");
  ASSERT_TRUE(eventually(kPatience, [&] { return exporter_->get("/-/ready")->status == 503; }));
  const auto samples = exporter_->metrics();
  ASSERT_OK(samples);
  EXPECT_EQ(
      samples->value("kvm_tsc_vm_trust_state", {{"vm", "vm-4711-5"}, {"state", "unreadable"}}), 1);
  EXPECT_TRUE(samples->value("kvm_tsc_vcpu_offset_steps_total", vm).has_value());
  EXPECT_GE(samples->value("kvm_tsc_vm_read_errors_total", vm).value_or(0), 1);
  const Finished vms = kvm_tsc({"vms"});
  EXPECT_EQ(vms.status.code, 1);
  EXPECT_THAT(vms.output, HasSubstr("vm-4711-5"));
  EXPECT_THAT(vms.error_output, HasSubstr("not all VMs could be listed"));
  std::filesystem::rename(aside.path() + "/kvm", debugfs + "/kvm");
  EXPECT_TRUE(eventually(kPatience, [&] { return exporter_->get("/-/ready")->status == 200; }));
}

// Every counter with a `vm` label, for every VM, from the first sweep on.
TEST_F(UnknownTest, EveryCounterIsThereForEveryVmBeforeAnythingHappened) {
  std::filesystem::create_directories(directory_.path() + "/debugfs/kvm");
  start({"--demo", "--path.debugfs=" + directory_.path() + "/debugfs"});
  const auto reply = exporter_->get("/metrics");
  ASSERT_OK(reply);
  const auto samples = parse_exposition(reply->body);
  ASSERT_OK(samples);
  std::set<std::string> counters;
  std::set<std::string> of_vms;
  for (const Sample& sample : samples->all()) {
    if (reply->body.find("# TYPE " + sample.name + " counter\n") != std::string::npos) {
      counters.insert(sample.name);
      if (sample.labels.contains("vm")) {
        of_vms.insert(sample.name);
        EXPECT_EQ(sample.number(), 0) << sample.name << " " << sample.labels.at("vm");
      }
    }
  }
  for (const char* counter : {"kvm_tsc_corrections_total", "kvm_tsc_corrections_failed_total",
                              "kvm_tsc_vm_read_errors_total", "kvm_tsc_vcpu_offset_steps_total",
                              "kvm_tsc_vm_clock_read_errors_total"}) {
    EXPECT_TRUE(of_vms.contains(counter)) << counter;
  }
  for (const char* counter :
       {"kvm_tsc_corrections_refused_total", "kvm_tsc_corrections_interrupted_total"}) {
    EXPECT_TRUE(counters.contains(counter)) << counter;
  }
  const auto vms = samples->find("kvm_tsc_vm_info");
  EXPECT_GE(vms.size(), 10u);
  for (const Sample& vm : vms) {
    for (const std::string& counter : of_vms) {
      EXPECT_FALSE(samples->find(counter, {{"vm", vm.labels.at("vm")}}).empty())
          << counter << " of " << vm.labels.at("vm");
    }
  }
}

// Asks for a service in `/proc` of its own, where no process of the host is to be seen.
TEST_F(UnknownTest, InAPidNamespaceOfItsOwnTheClockIsMissedAloud) {
  start_beside_a_vm({"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"});
  if (service_ == nullptr) {
    return;
  }
  const auto line = service_->find_error_line("the clock cannot be read", kPatience);
  ASSERT_OK(line);
  EXPECT_THAT(*line, HasSubstr("VM has trouble"));
  EXPECT_THAT(*line, HasSubstr("PID namespace"));
  const auto vms = run_program({product_program("kvm-tsc"), "--server", socket_, "--json", "vms"},
                               "", kPatience);
  ASSERT_OK(vms);
  const auto listed = nlohmann::json::parse(vms->output, nullptr, false);
  bool found = false;
  for (const auto& vm : listed["vms"]) {
    if (vm["pid"].is_null()) {
      found = true;
      EXPECT_THAT(vm["clock_error"]["message"].get<std::string>(), HasSubstr("cannot be read"));
      EXPECT_THAT(vm["process_error"]["remedy"].get<std::string>(), HasSubstr("PID namespace"));
    }
  }
  EXPECT_TRUE(found) << vms->output;
}

TEST_F(UnknownTest, WithoutTheCapabilityTheClockIsMissedAloud) {
  start_beside_a_vm({"setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"});
  if (service_ == nullptr) {
    return;
  }
  const auto line = service_->find_error_line("VM has trouble", kPatience);
  ASSERT_OK(line);
  EXPECT_THAT(*line, HasSubstr("CAP_SYS_PTRACE"));
}

TEST_F(UnknownTest, DoctorTellsOfAFullAuditAndOfAKvmThatIgnoresWrites) {
  REQUIRE_ROOT();
  const SmallDisk disk("512k");
  ASSERT_TRUE(disk.mounted());
  std::filesystem::create_directories(directory_.path() + "/debugfs/kvm");
  std::filesystem::create_directories(directory_.path() + "/sys/module/kvm_pvm");
  start({"--demo", "--path.debugfs=" + directory_.path() + "/debugfs",
         "--audit.path=" + disk.path() + "/audit.db"});
  ASSERT_TRUE(eventually(kPatience, [&] {
    const auto samples = exporter_->metrics();
    return samples && samples->value("kvm_tsc_audit_writable") == 0;
  }));
  const Finished doctor = kvm_tsc({"doctor", "--path.sysfs=" + directory_.path() + "/sys"});
  EXPECT_EQ(doctor.status.code, 1);
  EXPECT_THAT(doctor.output, HasSubstr("KiB are left on its file system"));
  EXPECT_THAT(doctor.output, HasSubstr("-> make room on its file system"));
  EXPECT_THAT(doctor.output, HasSubstr("kvm_pvm"));
  EXPECT_THAT(doctor.output, HasSubstr("ignores them"));
}

}  // namespace
}  // namespace kvmtsc::integration
