#include "tests/micro_vmm/options.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc::micro_vmm {
namespace {

Result<std::variant<Options, Help>> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "micro-vmm");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options parse_ok(const std::vector<const char*>& arguments) {
  auto parsed = parse(arguments);
  EXPECT_TRUE(parsed.ok()) << parsed.error().text();
  return parsed.ok() ? std::get<Options>(*parsed) : Options{};
}

TEST(MicroVmmOptionsTest, CountsIdsFromZero) {
  EXPECT_EQ(parse_ok({"--vcpus", "3"}).vm.vcpu_ids, (std::vector<VcpuId>{0, 1, 2}));
  EXPECT_EQ(parse_ok({}).vm.vcpu_ids, (std::vector<VcpuId>{0}));
}

TEST(MicroVmmOptionsTest, KeepsTheOrderOfChosenIds) {
  EXPECT_EQ(parse_ok({"--ids", "9,0,5"}).vm.vcpu_ids, (std::vector<VcpuId>{9, 0, 5}));
}

TEST(MicroVmmOptionsTest, HaltedGuestsSleepInTheKernelUnlessTold) {
  EXPECT_TRUE(parse_ok({"--guest", "halt"}).vm.kernel_irqchip);
  EXPECT_FALSE(parse_ok({"--guest", "halt", "--irqchip", "none"}).vm.kernel_irqchip);
  EXPECT_TRUE(parse_ok({"--guest", "timer"}).vm.kernel_irqchip);
  EXPECT_FALSE(parse_ok({"--guest", "spin"}).vm.kernel_irqchip);
  EXPECT_FALSE(parse_ok({"--guest", "stamp"}).vm.kernel_irqchip);
  EXPECT_TRUE(parse_ok({"--irqchip", "kernel"}).vm.kernel_irqchip);
}

TEST(MicroVmmOptionsTest, HelpListsTheCommands) {
  auto parsed = parse({"--help"});
  ASSERT_TRUE(parsed.ok());
  const auto* help = std::get_if<Help>(&*parsed);
  ASSERT_NE(help, nullptr);
  EXPECT_NE(help->text.find("set-all-offsets TICKS"), std::string::npos);
}

TEST(MicroVmmOptionsTest, RefusesBadArguments) {
  const std::vector<std::vector<const char*>> bad{{"--vcpus", "0"},
                                                  {"--vcpus", "1025"},
                                                  {"--vcpus", "x"},
                                                  {"--guest", "dance"},
                                                  {"--thread", "none"},
                                                  {"--ids", "1,x"},
                                                  {"--ids", "1", "--vcpus", "1"},
                                                  {"--frobnicate"}};
  for (const auto& arguments : bad) {
    const auto parsed = parse(arguments);
    ASSERT_FALSE(parsed.ok()) << arguments[0] << " " << (arguments.size() > 1 ? arguments[1] : "");
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace kvmtsc::micro_vmm
