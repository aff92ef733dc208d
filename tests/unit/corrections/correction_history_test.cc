#include "corrections/correction_history.h"

#include <gtest/gtest.h>

#include "corrections/journal_entries.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc {
namespace {

class CorrectionHistoryTest : public testing::Test {
 protected:
  Correction correction(const std::string& id) {
    Correction correction;
    correction.id = id;
    return correction;
  }
  void recorded(const Correction& one) {
    ASSERT_TRUE(journal_.record(event_of("requested", one, {}), row_of(one)));
  }
  std::vector<std::string> later_than(const std::string& id) {
    std::vector<std::string> ids;
    const auto later = CorrectionHistory(book_, journal_).later_than(id);
    for (const PastCorrection& past : *later) {
      ids.push_back(past.id);
    }
    return ids;
  }

  CorrectionBook book_;
  FakeJournal journal_;
};

TEST_F(CorrectionHistoryTest, FindsThoseOfThisRunAndOfEarlierOnes) {
  recorded(correction("c-1"));
  recorded(correction("c-2"));
  book_.add(correction("c-2"));
  Correction& ours = book_.find("c-2")->correction;
  finish(ours, Verdict::kCorrected, {});
  const CorrectionHistory history(book_, journal_);
  EXPECT_EQ(history.find("c-1")->id, "c-1");
  // Should the journal have failed meanwhile, it is behind.
  EXPECT_EQ(history.find("c-2")->verdict, Verdict::kCorrected);
  EXPECT_EQ(history.find("c-3").error().kind, ErrorKind::kNotFound);
}

TEST_F(CorrectionHistoryTest, ARecordThatDoesNotSayEnoughCannotBeUndone) {
  JournalEvent event;
  event.what = "requested";
  ASSERT_TRUE(journal_.record(event, JournalCorrection{"c-1", "web", true, "{}"}));
  const auto found = CorrectionHistory(book_, journal_).find("c-1");
  EXPECT_EQ(found.error().kind, ErrorKind::kConflict);
  EXPECT_FALSE(found.error().remedy.empty());
}

TEST_F(CorrectionHistoryTest, TellsEachOfThoseThatCameLaterOnce) {
  for (const char* id : {"c-1", "c-2", "c-3"}) {
    recorded(correction(id));
  }
  book_.add(correction("c-3"));
  EXPECT_EQ(later_than("c-1"), (std::vector<std::string>{"c-2", "c-3"}));
  EXPECT_EQ(later_than("c-2"), (std::vector<std::string>{"c-3"}));
  EXPECT_TRUE(later_than("c-3").empty());
}

}  // namespace
}  // namespace kvmtsc
