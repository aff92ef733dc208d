#include "collectors/qemu_options.h"

#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using Arguments = std::vector<std::string>;

std::string guest(const Arguments& arguments) {
  return parse_qemu_options(arguments).guest_name;
}

TEST(QemuOptions, ReadsNameAndUuidAsLibvirtWritesThem) {
  const auto options = parse_qemu_options(Arguments{"-name", "guest=web1,debug-threads=on", "-S",
                                                    "-uuid", "c7a5fdbd-edaf-9455-926a-d65c16db1809",
                                                    "-machine", "pc,accel=kvm"});
  EXPECT_EQ(options.guest_name, "web1");
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
  EXPECT_EQ(parse_qemu_options(Arguments{"-uuid", "1", "--uuid", "2"}).uuid, "2");
}

TEST(QemuOptions, AValueThatLooksLikeAnOptionIsNone) {
  EXPECT_EQ(guest({"-append", "-name", "evil"}), "");
  EXPECT_EQ(guest({"-append", "-name", "-name", "good"}), "good");
  EXPECT_EQ(guest({"-append", "", "-name", "good"}), "good");
  EXPECT_EQ(guest({"-device", "x,id=-name", "-name", "good"}), "good");
  EXPECT_EQ(guest({"name", "evil"}), "");  // a disk image called "name"
  EXPECT_EQ(guest({"-", "-name", "good"}), "good");
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
