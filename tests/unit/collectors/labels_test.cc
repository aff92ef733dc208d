#include "collectors/labels.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

FoundVm vm(const std::string& name, pid_t pid, int fd, std::uint64_t start = 1,
           std::uint64_t incarnation = 1) {
  FoundVm found;
  found.key = VmKey{pid, fd, incarnation};
  found.identity.name = name;
  found.identity.pid = pid;
  found.identity.process_start = start;
  return found;
}

FoundVm unidentified(pid_t creator, int fd) {
  FoundVm found = vm("vm-" + std::to_string(creator) + "-" + std::to_string(fd), creator, fd);
  found.identity.pid = 0;
  found.identity.process_start = 0;
  return found;
}

TEST(LabelBook, OneNameOneLabel) {
  LabelBook book;
  const std::vector vms{vm("a", 1, 9), vm("b", 2, 9)};
  const auto labels = book.assign(vms);
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.at(vms[0].key), "a");
  EXPECT_EQ(labels.at(vms[1].key), "b");
  EXPECT_TRUE(book.assign({}).empty());
}

TEST(LabelBook, OfNewcomersTheOldestKeepsThePlainName) {
  const FoundVm old = vm("a", 50, 12, 100);
  const FoundVm same_start = vm("a", 60, 5, 100);
  const FoundVm higher_fd = vm("a", 60, 6, 100);
  const FoundVm young = vm("a", 40, 5, 200);
  std::vector vms{young, higher_fd, same_start, old};
  do {
    const auto labels = LabelBook().assign(vms);
    EXPECT_EQ(labels.at(old.key), "a");
    EXPECT_EQ(labels.at(same_start.key), "a@60-5");
    EXPECT_EQ(labels.at(higher_fd.key), "a@60-6");
    EXPECT_EQ(labels.at(young.key), "a@40-5");
  } while (std::next_permutation(vms.begin(), vms.end(),
                                 [](const auto& x, const auto& y) { return x.key < y.key; }));
}

TEST(LabelBook, ALabelStaysAndIsFreeAfterItsVm) {
  LabelBook book;
  const FoundVm young = vm("a", 70, 9, 500);
  const FoundVm older = vm("a", 30, 9, 100);
  EXPECT_EQ(book.assign(std::vector{young}).at(young.key), "a");
  const std::vector both{older, young};
  EXPECT_EQ(book.assign(both).at(young.key), "a");  // though it is not the oldest
  EXPECT_EQ(book.assign(both).at(older.key), "a@30-9");
  EXPECT_EQ(book.assign(std::vector{older}).at(older.key), "a@30-9");  // and does not move up
  const FoundVm next = vm("a", 80, 9, 900);
  EXPECT_EQ(book.assign(std::vector{older, next}).at(next.key), "a");
  // One that comes in the very sweep in which the holder is gone.
  const FoundVm heir = vm("a", 90, 9, 950);
  EXPECT_EQ(book.assign(std::vector{heir, older}).at(heir.key), "a");
}

TEST(LabelBook, ARenamedVmKeepsItsLabel) {
  LabelBook book;
  book.assign(std::vector{vm("a", 1, 9)});
  EXPECT_EQ(book.assign(std::vector{vm("b", 1, 9)}).at(VmKey{1, 9, 1}), "a");
}

TEST(LabelBook, ANewVmUnderAnOldKeyIsAnother) {
  LabelBook book;
  book.assign(std::vector{vm("a", 1, 9, 1, 1)});
  const auto labels = book.assign(std::vector{vm("b", 1, 9, 1, 2)});
  EXPECT_EQ(labels.size(), 1u);
  EXPECT_EQ(labels.at(VmKey{1, 9, 2}), "b");
}

TEST(LabelBook, RealNamesGoBeforeMadeUpOnes) {
  const FoundVm first = vm("a", 10, 5, 1);
  const FoundVm second = vm("a", 20, 5, 2);
  const FoundVm trap = vm("a@20-5", 30, 5, 3);
  const auto labels = LabelBook().assign(std::vector{first, second, trap});
  EXPECT_EQ(labels.at(first.key), "a");
  EXPECT_EQ(labels.at(trap.key), "a@20-5");
  EXPECT_EQ(labels.at(second.key), "a@20-5@20-5");
}

TEST(LabelBook, AVmIsLabelledAnewWhenItsProcessIsFound) {
  LabelBook book;
  EXPECT_EQ(book.assign(std::vector{unidentified(7, 9)}).at(VmKey{7, 9, 1}), "vm-7-9");
  EXPECT_EQ(book.assign(std::vector{unidentified(7, 9)}).at(VmKey{7, 9, 1}), "vm-7-9");
  EXPECT_EQ(book.assign(std::vector{vm("web", 7, 9)}).at(VmKey{7, 9, 1}), "web");
  EXPECT_EQ(book.assign(std::vector{unidentified(7, 9)}).at(VmKey{7, 9, 1}), "web");
  // Its first label is free.
  const std::vector both{vm("web", 7, 9), vm("vm-7-9", 8, 9)};
  EXPECT_EQ(book.assign(both).at(VmKey{8, 9, 1}), "vm-7-9");
}

TEST(LabelBook, TheUnidentifiedComeLastAndAreToldApartByTheirCreator) {
  FoundVm unknown = unidentified(7, 9);
  unknown.identity.name = "a";
  const FoundVm known = vm("a", 8, 9, 99);
  const auto labels = LabelBook().assign(std::vector{unknown, known});
  EXPECT_EQ(labels.at(known.key), "a");
  EXPECT_EQ(labels.at(unknown.key), "a@7-9");
}

TEST(LabelBook, AKeyListedTwiceHasOneLabel) {
  const auto labels = LabelBook().assign(std::vector{vm("a", 1, 9), vm("a", 1, 9)});
  EXPECT_EQ(labels.size(), 1u);
  EXPECT_EQ(labels.at(VmKey{1, 9, 1}), "a");
}

TEST(LabelBook, AThousandOfOneNameComeAndGo) {
  std::vector<FoundVm> vms;
  for (pid_t pid = 1; pid <= 1000; ++pid) {
    vms.push_back(vm(std::string(4096, 'n'), pid, 9, static_cast<std::uint64_t>(pid)));
  }
  std::shuffle(vms.begin(), vms.end(), std::mt19937(1));
  LabelBook book;
  const auto before = std::chrono::steady_clock::now();
  for (int round = 0; round < 3; ++round) {
    const auto labels = book.assign(vms);
    std::set<std::string> unique;
    for (const auto& [key, label] : labels) {
      unique.insert(label);
    }
    EXPECT_EQ(labels.size(), 1000u);
    EXPECT_EQ(unique.size(), 1000u);
    EXPECT_TRUE(unique.contains(std::string(4096, 'n')));
    EXPECT_TRUE(book.assign({}).empty());
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

}  // namespace
}  // namespace kvmtsc
