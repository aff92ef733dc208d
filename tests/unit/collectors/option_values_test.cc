#include "collectors/option_values.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(OptionValues, ConfigurationFilesAreReadAsQemuReadsThem) {
  const auto guest = [](std::string_view text) {
    return qemu_config_key(text, "name", "guest").value_or("-");
  };
  EXPECT_EQ(guest("# x\n[name]\n  guest = \"web, 1\"\n  process = \"p\"\n"), "web, 1");
  EXPECT_EQ(guest("[name]\nguest=\"a\"\n[name]\r\n guest = \"b\"\r\n"), "b");
  EXPECT_EQ(guest("[name \"id\"]\nguest = \"a\""), "a");
  EXPECT_EQ(guest("[device \"name\"]\nguest = \"a\"\n"), "-");
  EXPECT_EQ(guest("guest = \"a\"\n[names]\nguest = \"b\"\n"), "-");
  EXPECT_EQ(guest("[name]\n#guest = \"a\"\n  guest = a\n  guest = \"a\n guest\n[\n\"=\"\n"), "-");
  EXPECT_EQ(guest("[name\nguest = \"a\"\n"), "a");
  EXPECT_EQ(guest(""), "-");
}

TEST(OptionValues, SocketsHaveAPath) {
  EXPECT_EQ(socket_path("/run/a.sock"), "/run/a.sock");
  EXPECT_EQ(socket_path("path=/run/a.sock,x=1"), "/run/a.sock");
  EXPECT_EQ(socket_path("fd=3"), "");
  EXPECT_EQ(socket_name("/run/a.socket"), "a");
  EXPECT_EQ(socket_name(".sock"), ".sock");
}

}  // namespace
}  // namespace kvmtsc
