// What /proc says of a process, and the decision whether to attach to it.
#include <string>

#include <gtest/gtest.h>

#include "attach/ptrace/memory_map.h"
#include "attach/ptrace/thread_facts.h"

namespace kvmtsc::injection {
namespace {

std::string status(const std::string& state, const std::string& tracer, const std::string& rest) {
  return "Name:\tqemu\nState:\t" + state + "\nTgid:\t100\nPid:\t101\nTracerPid:\t" + tracer + "\n" +
         rest;
}

TEST(ThreadFactsTest, AreReadFromTheStatusFile) {
  const auto facts = parse_thread_facts(
      status("S (sleeping)", "77",
             "Seccomp:\t2\nSeccomp_filters:\t3\nx86_Thread_features:\tshstk wrss\n"));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->state, 'S');
  EXPECT_EQ(facts->process, 100);
  EXPECT_EQ(facts->tracer, 77);
  EXPECT_EQ(facts->seccomp, kSeccompFilter);
  EXPECT_EQ(facts->seccomp_filters, 3U);
  EXPECT_TRUE(facts->shadow_stack);
}

TEST(ThreadFactsTest, OldKernelsSayNothingOfSeccompAndShadowStacks) {
  const auto facts = parse_thread_facts(status("R (running)", "0", ""));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->seccomp, 0U);
  EXPECT_FALSE(facts->seccomp_filters);
  EXPECT_FALSE(facts->shadow_stack);
}

TEST(ThreadFactsTest, MalformedStatusIsInvalid) {
  EXPECT_EQ(parse_thread_facts("").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(parse_thread_facts("State:\tS\nTgid:\t1\n").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(parse_thread_facts(status("", "0", "")).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(parse_thread_facts(status("S", "x", "")).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(parse_thread_facts(status("S", "0", "Seccomp:\t?\n")).error().kind,
            ErrorKind::kInvalid);
}

ThreadFacts sound() {
  ThreadFacts facts;
  facts.state = 'S';
  facts.process = 100;
  return facts;
}

Error refusal(const ThreadFacts& facts) {
  const Status status = admit(facts, 100, Tid{101});
  return status ? Error{ErrorKind::kIo, "admitted", {}} : status.error();
}

TEST(AdmissionTest, ASoundThreadIsAdmitted) {
  EXPECT_TRUE(admit(sound(), 100, Tid{101}));
}

TEST(AdmissionTest, EachObstacleHasItsOwnError) {
  ThreadFacts facts = sound();
  facts.process = 99;
  EXPECT_EQ(refusal(facts).kind, ErrorKind::kGone);
  for (const char ended : {'Z', 'X'}) {
    facts = sound();
    facts.state = ended;
    EXPECT_EQ(refusal(facts).kind, ErrorKind::kGone);
  }
  for (const char stopped : {'T', 't'}) {
    facts = sound();
    facts.state = stopped;
    EXPECT_EQ(refusal(facts).kind, ErrorKind::kRefused);
    EXPECT_NE(refusal(facts).remedy.find("CONT"), std::string::npos);
  }
  facts = sound();
  facts.tracer = 5;
  EXPECT_EQ(refusal(facts).kind, ErrorKind::kRefused);
  EXPECT_NE(refusal(facts).message.find("traced by process 5"), std::string::npos);
  facts = sound();
  facts.shadow_stack = true;
  EXPECT_EQ(refusal(facts).kind, ErrorKind::kUnsupported);
}

std::string elf(char bits, char machine) {
  std::string header = "\177ELF";
  header += bits;
  header.resize(20);
  header[18] = machine;
  return header;
}

TEST(AdmissionTest, OnlyX8664ExecutablesAreAdmitted) {
  EXPECT_TRUE(admit_elf_header(elf(2, 62), 1));
  EXPECT_EQ(admit_elf_header(elf(1, 3), 1).error().kind, ErrorKind::kRefused);   // i386
  EXPECT_EQ(admit_elf_header(elf(1, 62), 1).error().kind, ErrorKind::kRefused);  // x32
  EXPECT_EQ(admit_elf_header(elf(2, static_cast<char>(183)), 1).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(admit_elf_header("#!/bin/sh\n..........", 1).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(admit_elf_header("\177ELF", 1).error().kind, ErrorKind::kRefused);
}

constexpr const char* kMaps =
    "00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus daemon\n"
    "c000000000-c000400000 rw-p 00000000 00:00 0                              [anon: Go: heap]\n"
    "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

TEST(MemoryMapTest, ReadsRangesRightsAndNames) {
  const auto map = MemoryMap::parse(kMaps);
  ASSERT_TRUE(map);
  ASSERT_EQ(map->mappings().size(), 4U);
  EXPECT_EQ(map->mappings()[0].name, "/usr/bin/dbus daemon");
  EXPECT_TRUE(map->mappings()[0].executable);
  EXPECT_FALSE(map->mappings()[0].writable);
  EXPECT_EQ(map->mappings()[2].name, "");
  EXPECT_FALSE(map->mappings()[3].readable);
  EXPECT_EQ(map->mappings()[3].end.value, 0xffffffffff601000U);
}

TEST(MemoryMapTest, MalformedLinesAreInvalid) {
  for (const char* bad : {"hello", "1000 rwxp 0 0:0 0", "2000-1000 rw-p 0 0:0 0",
                          "x-1000 rw-p 0 0:0 0", "1000-2000 rw", "1000-zz00 rw-p 0 0:0 0"}) {
    EXPECT_FALSE(MemoryMap::parse(bad)) << bad;
  }
}

TEST(MemoryMapTest, FindsTheMappingOfAnAddress) {
  const auto map = MemoryMap::parse("1000-2000 rw-p 0 0:0 0 \n3000-4000 rw-p 0 0:0 0 \n");
  ASSERT_TRUE(map);
  EXPECT_EQ(map->find(RemoteAddress{0xfff}), nullptr);
  EXPECT_EQ(map->find(RemoteAddress{0x1000}), &map->mappings()[0]);
  EXPECT_EQ(map->find(RemoteAddress{0x1fff}), &map->mappings()[0]);
  EXPECT_EQ(map->find(RemoteAddress{0x2000}), nullptr);
  EXPECT_EQ(map->find(RemoteAddress{0x3800}), &map->mappings()[1]);
  EXPECT_EQ(map->find(RemoteAddress{0x4000}), nullptr);
}

TEST(MemoryMapTest, AStackMustBeOneWritableMappingAndNoHeapOfGo) {
  const auto map = MemoryMap::parse(kMaps);
  ASSERT_TRUE(map);
  const auto usable = [&](std::uint64_t bottom, std::uint64_t top) {
    return is_usable_stack(*map, RemoteAddress{bottom}, RemoteAddress{top});
  };
  EXPECT_TRUE(usable(0x7f0000001000, 0x7f0000021000));
  EXPECT_FALSE(usable(0x7effffffff00, 0x7f0000000100));  // a guard page below
  EXPECT_FALSE(usable(0x7f0000020000, 0x7f0000021001));
  EXPECT_FALSE(usable(0x00400000, 0x00401000));      // code
  EXPECT_FALSE(usable(0xc000000000, 0xc000001000));  // a goroutine's stack
  EXPECT_FALSE(usable(0x7f0000001000, 0x7f0000001000));
}

}  // namespace
}  // namespace kvmtsc::injection
