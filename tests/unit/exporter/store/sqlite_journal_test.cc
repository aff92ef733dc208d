#include "exporter/store/sqlite_journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/fakes/small_disk.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

JournalEvent event(const std::string& what, const std::string& vm = "web") {
  JournalEvent event;
  event.at = RealTime{Nanoseconds{1'700'000'000'000'000'001}};
  event.what = what;
  event.correction = "c-1";
  event.vm = vm;
  event.vm_uuid = "u";
  event.who = "token:night";
  event.from = "unix";
  event.details = R"({"a":1})";
  return event;
}

class SqliteJournalTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteJournal> open() {
    auto journal = SqliteJournal::open(path_);
    EXPECT_TRUE(journal) << journal.error().text();
    return journal ? *std::move(journal) : nullptr;
  }
  static std::vector<std::string> words(SqliteJournal& journal,
                                        const JournalQuery& query = {0, "", 100}) {
    std::vector<std::string> words;
    const auto events = journal.events(query);
    for (const JournalEvent& one : *events) {
      words.push_back(one.what);
    }
    return words;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/sub/audit.db";
};

TEST_F(SqliteJournalTest, GivesTheNewestFirstOrWhatCameAfter) {
  const auto journal = open();
  for (const char* what : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(journal->record(event(what), {}));
  }
  JournalEvent other = event("x");
  other.vm = "mail";
  ASSERT_TRUE(journal->record(other, {}));
  EXPECT_THAT(words(*journal, {{}, "", 100}), ElementsAre("x", "d", "c", "b", "a"));
  EXPECT_THAT(words(*journal, {{}, "web", 2}), ElementsAre("d", "c"));
  EXPECT_THAT(words(*journal, {{}, "web", 9, {}, 3}), ElementsAre("b", "a"));
  EXPECT_TRUE(words(*journal, {{}, "", 100, {}, 0}).empty());
  EXPECT_THAT(words(*journal, {2, "", 2}), ElementsAre("c", "d"));
  EXPECT_THAT(words(*journal, {3, "web", 100}), ElementsAre("d"));
  EXPECT_TRUE(words(*journal, {~std::uint64_t{0}, "", 100}).empty());
}

TEST_F(SqliteJournalTest, KeepsEverythingAcrossRuns) {
  {
    const auto journal = open();
    ASSERT_TRUE(journal->record(event("requested"), JournalCorrection{"c-1", "web", false, "{1}"}));
    ASSERT_TRUE(journal->record(event("finished"), JournalCorrection{"c-1", "web", true, "{2}"}));
    ASSERT_TRUE(journal->record(event("requested"), JournalCorrection{"c-2", "web", false, "{3}"}));
  }
  const auto journal = open();
  const auto events = journal->events({0, "", 100});
  ASSERT_EQ(events->size(), 3u);
  EXPECT_EQ((*events)[0].sequence, 1u);
  EXPECT_EQ((*events)[0].at, event("").at);
  EXPECT_EQ((*events)[0].who, "token:night");
  EXPECT_EQ((*events)[0].from, "unix");
  EXPECT_EQ((*events)[0].details, R"({"a":1})");
  EXPECT_EQ((*journal->correction("c-1"))->json, "{2}");
  EXPECT_FALSE(*journal->correction("c-9"));
  EXPECT_EQ(journal->unfinished()->front().id, "c-2");
  EXPECT_EQ(journal->corrections(1, "", {})->front().id, "c-2");
  EXPECT_EQ(journal->corrections(1, "web", {})->front().id, "c-2");
  EXPECT_TRUE(journal->corrections(1, "mail", {})->empty());
  ASSERT_EQ(journal->corrections_after("c-1")->size(), 1u);
  EXPECT_EQ(journal->corrections_after("c-1")->front().id, "c-2");
  EXPECT_TRUE(journal->corrections_after("c-2")->empty());
  EXPECT_TRUE(journal->corrections_after("c-9")->empty());
}

TEST_F(SqliteJournalTest, AnswersAmongSomeVmsOnly) {
  const auto journal = open();
  const auto record = [&](const char* what, const char* vm, const char* uuid) {
    JournalEvent one = event(what, vm);
    one.vm_uuid = uuid;
    const std::string json = std::string(R"({"uuid":")") + uuid + "\"}";
    ASSERT_TRUE(journal->record(one, JournalCorrection{what, vm, true, json}));
  };
  record("a", "web", "u-1");
  record("b", "it's \"another\"", "u-2");
  record("c", "mail", "");
  record("d", "", "");
  const auto ids = [&](const std::vector<std::string>& among) {
    std::vector<std::string> all;
    const auto rows = journal->corrections(100, "", among);
    for (const JournalCorrection& row : *rows) {
      all.push_back(row.id);
    }
    return all;
  };
  using Names = std::vector<std::string>;
  for (const auto& [names, found] :
       {std::pair{Names{"web"}, Names{"a"}}, std::pair{Names{"u-1", "mail"}, Names{"a", "c"}},
        std::pair{Names{"it's \"another\""}, Names{"b"}}, std::pair{Names{"u-9"}, Names{}},
        std::pair{Names{}, Names{"a", "b", "c", "d"}}}) {
    EXPECT_EQ(words(*journal, {0, "", 100, names}), found);
    EXPECT_EQ(ids(names), Names(found.rbegin(), found.rend()));
  }
  EXPECT_TRUE(words(*journal, {0, "web", 100, {"mail"}}).empty());
  EXPECT_TRUE(journal->corrections(100, "web", {"mail"})->empty());
}

TEST_F(SqliteJournalTest, AnswersByVmAndFromAPlaceOn) {
  const auto journal = open();
  for (const char* what : {"a", "b", "c"}) {
    ASSERT_TRUE(journal->record(event(what), {}));
    ASSERT_TRUE(journal->record(event(what, "it's \"another\""), {}));
  }
  EXPECT_THAT(words(*journal, {2, "web", 100}), ElementsAre("b", "c"));
  EXPECT_THAT(words(*journal, {0, "it's \"another\"", 2}), ElementsAre("a", "b"));
  EXPECT_THAT(words(*journal, {~0ULL, "", 2}), ElementsAre());
}

TEST_F(SqliteJournalTest, IsPrivateAndRefusesASecondProcess) {
  const auto journal = open();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto second = SqliteJournal::open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(second.error().remedy, HasSubstr("another process"));
}

TEST_F(SqliteJournalTest, SaysWhatIsWrongWithAFile) {
  path_ = directory_.write("garbage", std::string(4096, 'x'));
  EXPECT_EQ(SqliteJournal::open(path_).error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(SqliteJournal::open(directory_.path() + "/no/such/dir/a.db").error().text(),
              HasSubstr("create its directory first"));
}

TEST_F(SqliteJournalTest, RefusesALaterVersionsFileAndKeepsEventsFromSql) {
  { ASSERT_TRUE(open()->record(event("planned"), {})); }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  const auto execute = [&](const char* sql) {
    return sqlite3_exec(raw, sql, nullptr, nullptr, nullptr);
  };
  EXPECT_EQ(execute("DELETE FROM events"), SQLITE_CONSTRAINT);
  EXPECT_EQ(execute("UPDATE events SET who = 'x'"), SQLITE_CONSTRAINT);
  EXPECT_EQ(execute("PRAGMA user_version = 2"), SQLITE_OK);
  sqlite3_close(raw);
  EXPECT_EQ(SqliteJournal::open(path_).error().kind, ErrorKind::kUnsupported);
}

TEST_F(SqliteJournalTest, OutlivesAFullDisk) {
  const SmallDisk disk("256k");
  if (!disk.mounted()) {
    GTEST_SKIP() << "root is missing, to mount a small file system";
  }
  path_ = disk.path() + "/audit.db";
  const auto journal = open();
  JournalEvent large = event("planned");
  large.details.assign(20'000, 'x');
  int recorded = 0;
  while (recorded < 100 && journal->record(large, {})) {
    ++recorded;
  }
  EXPECT_LT(recorded, 100);
  const Status full = journal->record(large, {});
  EXPECT_FALSE(full);
  EXPECT_THAT(full.error().text(), HasSubstr("make room"));
  EXPECT_THAT(full.error().message, HasSubstr("audit database " + disk.path() + "/"));
  EXPECT_THAT(journal->writable().error().text(), HasSubstr("make room"));
  ASSERT_TRUE(disk.resize("16m"));
  EXPECT_TRUE(journal->writable());
  EXPECT_TRUE(journal->record(event("after"), {}));
  EXPECT_EQ(words(*journal).size(), static_cast<std::size_t>(recorded) + 1);
}

TEST_F(SqliteJournalTest, TellsWhetherItCanBeWritten) {
  const auto journal = open();
  const auto version = [&] {
    struct stat file {};
    ::stat((path_ + "-wal").c_str(), &file);
    return file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec;
  };
  const auto before = version();
  ::usleep(20'000);  // longer than a file system's clock stands still
  EXPECT_TRUE(journal->writable());
  EXPECT_GT(version(), before) << "nothing was written";
  EXPECT_TRUE(words(*journal).empty());
}

TEST_F(SqliteJournalTest, TellsThatThereIsTooLittleRoom) {
  const SmallDisk disk("16m");
  if (!disk.mounted()) {
    GTEST_SKIP() << "root is missing, to mount a small file system";
  }
  path_ = disk.path() + "/audit.db";
  const auto journal = open();
  EXPECT_TRUE(journal->writable());
  struct statvfs system {};
  ::statvfs(disk.path().c_str(), &system);
  UniqueFd filler(::open((disk.path() + "/filler").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const auto left = static_cast<off_t>(system.f_bfree * system.f_frsize) - (512 << 10);
  ASSERT_EQ(::posix_fallocate(filler.get(), 0, left), 0);
  const Status scarce = journal->writable();
  ASSERT_FALSE(scarce);
  EXPECT_THAT(scarce.error().text(), HasSubstr("512 KiB are left"));
  ASSERT_EQ(::ftruncate(filler.get(), 0), 0);
  EXPECT_TRUE(journal->writable());
}

// Records for ever; writes a byte for each event whose record() has returned.
[[noreturn]] void record_for_ever(const std::string& path, int acknowledge) {
  const auto journal = SqliteJournal::open(path);
  const auto known = (*journal)->events({0, "", 100'000});
  for (std::size_t number = known->size() + 1;; ++number) {
    const std::string id = "c-" + std::to_string(number);
    if (!(*journal)->record(event(id), JournalCorrection{id, "web", true, id}) ||
        ::write(acknowledge, "x", 1) != 1) {
      ::_exit(1);
    }
  }
}

TEST_F(SqliteJournalTest, WhatWasAcknowledgedSurvivesBeingKilledAtAnyMoment) {
  std::size_t least = 0;
  for (int round = 0; round < 25; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      record_for_ever(path_, pipe[1]);
    }
    ::close(pipe[1]);
    // Once it is at it, however slow the machine, and then at another moment each time.
    char byte = 0;
    for (int acknowledged = 0; acknowledged < 2; ++acknowledged) {
      ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
      ++least;
    }
    ::usleep(static_cast<useconds_t>(700 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipe[0], &byte, 1) == 1) {
      ++least;
    }
    ::close(pipe[0]);
    const auto journal = open();
    const auto events = journal->events({0, "", 100'000});
    ASSERT_GE(events->size(), least);
    for (std::size_t i = 0; i < events->size(); ++i) {
      ASSERT_EQ((*events)[i].sequence, i + 1);
    }
    ASSERT_EQ(journal->corrections(100'000, "", {})->size(), events->size());
    least = events->size();
  }
  EXPECT_GE(least, 50u);
}

}  // namespace
}  // namespace kvmtsc
