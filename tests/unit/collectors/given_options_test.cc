#include "collectors/given_options.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/command_line.h"

namespace kvmtsc {
namespace {

using Arguments = std::vector<std::string>;

CommandLineIdentity qemu(Arguments arguments) {
  arguments.insert(arguments.begin(), "kvm");
  return identify_command_line(arguments, "", 1, [](std::string_view) { return std::string(); })
      .value_or(CommandLineIdentity{});
}

std::string guest(const Arguments& arguments) {
  return qemu(arguments).name;
}

TEST(QemuOptions, ReadsNameAndUuidAsLibvirtWritesThem) {
  const auto options = qemu({"-name", "guest=web1,debug-threads=on", "-S", "-uuid",
                             "c7a5fdbd-edaf-9455-926a-d65c16db1809", "-machine", "pc,accel=kvm"});
  EXPECT_EQ(options.name, "web1");
  EXPECT_EQ(options.uuid, "c7a5fdbd-edaf-9455-926a-d65c16db1809");
}

TEST(QemuOptions, KnowsTheFormsOfName) {
  EXPECT_EQ(guest({"-name", "x"}), "x");
  EXPECT_EQ(guest({"--name", "x,process=y"}), "x");
  EXPECT_EQ(guest({"-name", "process=y,guest=x"}), "x");
  EXPECT_EQ(guest({"-name", "debug-threads=on"}), "");
  EXPECT_EQ(guest({"-name", "x,y"}), "x");  // only the first part may go without a key
  EXPECT_EQ(guest({"-name", "guest=a=b"}), "a=b");
  EXPECT_EQ(guest({"-name", ""}), "");
  EXPECT_EQ(guest({"-name", "guest="}), "");
  EXPECT_EQ(guest({"-name", ","}), "");
  EXPECT_EQ(guest({"-name"}), "");
  EXPECT_EQ(guest({}), "");
}

TEST(QemuOptions, CommasInValuesAreDoubled) {
  EXPECT_EQ(guest({"-name", "guest=a,,b"}), "a,b");
  EXPECT_EQ(guest({"-name", "a,,b,,,debug-threads=on"}), "a,b,");
  EXPECT_EQ(guest({"-name", "a,,guest=b"}), "a,guest=b");
  EXPECT_EQ(guest({"-name", "process=p,,guest=q,guest=x"}), "x");
  EXPECT_EQ(guest({"-name", "guest=,,"}), ",");
}

TEST(QemuOptions, NamesMayHoldAnythingElse) {
  const std::string odd = "q\"uote \\ back\nnew\tline \xFF\xC3 " + std::string(4096, 'n');
  EXPECT_EQ(guest({"-name", "guest=" + odd}), odd);
}

TEST(QemuOptions, TheLastOneWins) {
  EXPECT_EQ(guest({"-name", "a", "-name", "guest=b"}), "b");
  EXPECT_EQ(guest({"-name", "a", "-name", "process=p"}), "a");
  EXPECT_EQ(guest({"-name", "guest=a,guest=b"}), "b");
  EXPECT_EQ(qemu({"-uuid", "1", "--uuid", "2"}).uuid, "2");
  // As QEMU 7.2 answers `info uuid`.
  EXPECT_EQ(qemu({"-uuid", "1", "-smbios", "type=1,uuid=2"}).uuid, "2");
  EXPECT_EQ(qemu({"-smbios", "type=1,uuid=2", "-uuid", "1"}).uuid, "1");
  EXPECT_EQ(qemu({"-smbios", "uuid=2,type=1", "-smbios", "type=1,serial=s"}).uuid, "2");
}

TEST(QemuOptions, AValueThatLooksLikeAnOptionIsNone) {
  EXPECT_EQ(guest({"-append", "-name", "evil"}), "");
  EXPECT_EQ(guest({"-append", "-name", "-name", "good"}), "good");
  EXPECT_EQ(guest({"-append", "", "-name", "good"}), "good");
  EXPECT_EQ(guest({"-device", "x,id=-name", "-name", "good"}), "good");
  EXPECT_EQ(guest({"name", "evil"}), "");  // a disk image called "name"
  EXPECT_EQ(guest({"-", "-name", "good"}), "good");
}

TEST(QemuOptions, OnlyTheSystemsOwnTableHasItsUuid) {
  EXPECT_EQ(qemu({"-smbios", "type=3,uuid=2"}).uuid, "");
  EXPECT_EQ(qemu({"-smbios", "uuid=2"}).uuid, "");
  EXPECT_EQ(qemu({"-smbios", "type=1,manufacturer=a,,uuid=b"}).uuid, "");
  EXPECT_EQ(qemu({"-smbios", "file=/x", "-smbios", "type=1,product=p,uuid=2,sku=s"}).uuid, "2");
}

TEST(QemuOptions, AndroidsOptionsMayOrMayNotTakeValues) {
  EXPECT_EQ(guest({"-no-window", "-avd", "Pixel_6", "-netdelay", "none"}), "Pixel_6");
  EXPECT_EQ(guest({"-netspeed", "full", "-avd", "Pixel_6"}), "Pixel_6");
  EXPECT_EQ(guest({"-append", "@x", "disk"}), "");
  EXPECT_EQ(guest({"-avd", "-avd"}), "-avd");
  EXPECT_EQ(guest({"-avd", "Pixel_6", "-qemu", "-name", "own"}), "own");
}

TEST(QemuOptions, OptionsWithoutValueTakeNone) {
  for (const char* flag : {"-S", "-s", "-enable-kvm", "--enable-kvm", "-nographic", "-nodefaults",
                           "-no-user-config", "-daemonize", "-no-reboot", "-no-shutdown", "-usb",
                           "-snapshot", "-mem-prealloc", "-no-hpet", "-only-migratable"}) {
    EXPECT_EQ(guest({flag, "-name", "good"}), "good") << flag;
  }
}

}  // namespace
}  // namespace kvmtsc
