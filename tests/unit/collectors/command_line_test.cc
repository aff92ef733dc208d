#include "collectors/command_line.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

// "vmm|name|uuid", or "-" when the program is no VMM.
std::string seen(const std::vector<std::string>& argv, std::string_view comm = "comm") {
  const auto identity =
      identify_command_line(argv, comm, 4711, [](std::string_view) { return std::string(); });
  return identity ? identity->vmm + "|" + identity->name + "|" + identity->uuid : "-";
}

TEST(CommandLine, Qemu) {
  EXPECT_EQ(seen({"/usr/bin/qemu-system-x86_64", "-name", "guest=w,,1", "-uuid", "u"}),
            "qemu|w,1|u");
  EXPECT_EQ(seen({"/usr/libexec/qemu-kvm", "-name", "x"}), "qemu|x|");
  EXPECT_EQ(seen({"kvm", "-id", "100", "-name", "pve,debug-threads=on"}), "qemu|pve|");
  EXPECT_EQ(seen({"qemu-system-x86_64"}), "qemu||");
}

TEST(CommandLine, Firecracker) {
  EXPECT_EQ(seen({"/firecracker", "--id", "a-1", "--start-time-us", "5"}), "firecracker|a-1|");
  EXPECT_EQ(seen({"./firecracker-v1.7.0-x86_64", "--id=a-1"}), "firecracker|a-1|");
  EXPECT_EQ(seen({"firecracker", "--api-sock", "/x"}), "firecracker|anonymous-instance|");
  EXPECT_EQ(seen({"firecracker", "--id"}), "firecracker|anonymous-instance|");
  EXPECT_EQ(seen({"jailer", "--id", "a", "--uid", "1", "--", "--id", "b"}), "firecracker|a|");
}

TEST(CommandLine, CloudHypervisor) {
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "/run/ch/web1.sock"}),
            "cloud-hypervisor|web1|");
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "path=/run/ch/web1.socket", "--platform",
                  "num_pci_segments=1,uuid=u-1,serial_number=s"}),
            "cloud-hypervisor|web1|u-1");
  EXPECT_EQ(seen({"cloud-hypervisor-static", "--api-socket=web1", "--platform=uuid=\"u-2\""}),
            "cloud-hypervisor|web1|u-2");
  EXPECT_EQ(seen({"cloud-hypervisor", "--platform", "oem_strings=[a,uuid=no],uuid=u-3"}),
            "cloud-hypervisor||u-3");
  EXPECT_EQ(seen({"cloud-hypervisor", "--platform", "oem_strings=[a,uuid=no"}),
            "cloud-hypervisor||");
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "fd=3"}), "cloud-hypervisor||");
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "/run/dir/"}), "cloud-hypervisor||");
  EXPECT_EQ(seen({"cloud-hypervisor", "--cmdline", "--api-socket=x", "--kernel", "k"}),
            "cloud-hypervisor||");
}

TEST(CommandLine, Crosvm) {
  EXPECT_EQ(seen({"crosvm", "--log-level=debug", "run", "--name", "n", "-s", "/s.sock", "k"}),
            "crosvm|n|");
  EXPECT_EQ(seen({"crosvm", "run", "--socket", "/run/arcvm.sock", "k"}), "crosvm|arcvm|");
  EXPECT_EQ(seen({"crosvm", "run", "-s", "/run/.sock", "k"}), "crosvm|.sock|");
  EXPECT_EQ(seen({"crosvm", "run", "-p", "--name", "k"}), "crosvm||");
}

TEST(CommandLine, KataPutsTheSocketIntoTheSandboxsDirectory) {
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "path=/run/vc/vm/0f3a/clh-api.sock"}),
            "cloud-hypervisor|0f3a|");
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "clh-api.sock"}),
            "cloud-hypervisor|clh-api|");
  EXPECT_EQ(seen({"cloud-hypervisor", "--api-socket", "/clh-api.sock"}),
            "cloud-hypervisor|clh-api|");
}

TEST(CommandLine, GvisorsSandboxIsNamedByItsLastArgument) {
  EXPECT_EQ(seen({"runsc-sandbox", "--platform=kvm", "boot", "--bundle=/b", "web"}, "exe"),
            "gvisor|web|");
  EXPECT_EQ(seen({"runsc-sandbox", "--platform=kvm", "gofer", "web"}, "exe"), "gvisor||");
  EXPECT_EQ(seen({"runsc-sandbox", "boot"}, "exe"), "gvisor||");
  EXPECT_EQ(seen({"runsc", "run", "web"}, "exe"), "-");
}

TEST(CommandLine, ANameInTheFormOfAUuidIsTheUuidWhereNoneIsGiven) {
  const std::string uuid = "c7a5fdbd-EDAF-9455-926a-d65c16db1809";
  EXPECT_EQ(seen({"firecracker", "--id", uuid}), "firecracker|" + uuid + "|" + uuid);
  EXPECT_EQ(seen({"runsc-sandbox", "boot", uuid}), "gvisor|" + uuid + "|" + uuid);
  EXPECT_EQ(seen({"kvm", "-name", uuid, "-uuid", "u"}), "qemu|" + uuid + "|u");
  const std::vector<std::string> others{uuid + "0", uuid.substr(1), "x" + uuid.substr(1),
                                        "c7a5fdbd0edaf-9455-926a-d65c16db1809"};
  for (const std::string& no : others) {
    EXPECT_EQ(seen({"firecracker", "--id", no}), "firecracker|" + no + "|");
  }
}

TEST(CommandLine, Kvmtool) {
  EXPECT_EQ(seen({"lkvm", "run", "--name", "n", "-c", "2"}), "kvmtool|n|");
  EXPECT_EQ(seen({"/usr/bin/lkvm-static", "run", "--name=n"}), "kvmtool|n|");
  EXPECT_EQ(seen({"vm", "run", "-p", "--name x"}), "kvmtool|guest-4711|");
  EXPECT_EQ(seen({"vm", "start"}), "-");
}

TEST(CommandLine, TheProgramsCommDecidesWhereArgvWasOverwritten) {
  EXPECT_EQ(seen({"web1: serving", "-name", "w"}, "qemu-system-x86"), "qemu|w|");
  EXPECT_EQ(seen({"x"}, "cloud-hyperviso"), "cloud-hypervisor||");
  EXPECT_EQ(seen({}, "firecracker"), "firecracker||");  // not "anonymous-instance": nobody knows
  EXPECT_EQ(seen({}, "lkvm"), "kvmtool||");
}

TEST(CommandLine, OtherProgramsAreNoVmm) {
  EXPECT_EQ(seen({}, ""), "-");
  EXPECT_EQ(seen({""}), "-");
  EXPECT_EQ(seen({"/bin/cat", "-name", "x"}), "-");
  EXPECT_EQ(seen({"kvm-nx-lpage-recovery"}, "kvm-nx-lpage-re"), "-");
  EXPECT_EQ(seen({"firecrackers"}), "-");
  EXPECT_EQ(seen({"qemu-img", "create"}), "-");
  EXPECT_EQ(seen({"/usr/bin/qemu-system-x86_64/"}), "-");
}

TEST(CommandLine, TheLastOptionWins) {
  EXPECT_EQ(seen({"firecracker", "--id", "a", "--id=b"}), "firecracker|b|");
  EXPECT_EQ(seen({"firecracker", "--id", "a", "--id"}), "firecracker|a|");
}

}  // namespace
}  // namespace kvmtsc
