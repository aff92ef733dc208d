#include "exporter/audit_watch.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "tests/fakes/fake_journal.h"

namespace kvmtsc {
namespace {

using namespace std::chrono_literals;

// The outcome once it is `writable`; what it is after 10 s if it never gets so.
std::optional<Status> eventually(const AuditWatch& watch, bool writable) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < end) {
    const auto latest = watch.latest();
    if (latest && latest->ok() == writable) {
      return latest;
    }
    std::this_thread::sleep_for(1ms);
  }
  return watch.latest();
}

TEST(AuditWatch, TellsOfAFailureAndOfItsEndWithoutBeingAsked) {
  FakeJournal journal;
  AuditWatch watch(journal, 1ms);
  ASSERT_TRUE(eventually(watch, true));
  EXPECT_TRUE(eventually(watch, true)->ok());
  journal.set_unwritable(Error{ErrorKind::kIo, "the disk is full", "make room"});
  ASSERT_FALSE(eventually(watch, false)->ok());
  EXPECT_EQ(eventually(watch, false)->error().text(), "the disk is full; make room");
  journal.set_unwritable({});
  EXPECT_TRUE(eventually(watch, true)->ok());
}

}  // namespace
}  // namespace kvmtsc
