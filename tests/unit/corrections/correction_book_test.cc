#include "corrections/correction_book.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

constexpr VmKey kWeb{7, 3, 1};
constexpr VmKey kMail{8, 3, 2};

Correction correction(const std::string& id, const VmKey& vm = kWeb) {
  Correction correction;
  correction.id = id;
  correction.plan.vm = vm;
  return correction;
}

TEST(CorrectionBook, FirstAcceptedFirstTaken) {
  CorrectionBook book;
  book.add(correction("c-2"));
  book.add(correction("c-1"));
  EXPECT_EQ(book.take_queued(), "c-2");
  EXPECT_EQ(book.take_queued(), "c-1");
  EXPECT_FALSE(book.take_queued());
  EXPECT_NE(book.find("c-1"), nullptr);
  EXPECT_EQ(book.find("c-3"), nullptr);
}

TEST(CorrectionBook, KnowsWhichVmHasOneUnderWay) {
  CorrectionBook book;
  book.add(correction("c-1"));
  EXPECT_EQ(book.under_way(kWeb), "c-1");
  EXPECT_FALSE(book.under_way(kMail));
  book.find("c-1")->correction.state = CorrectionState::kVerifying;
  EXPECT_EQ(book.under_way(kWeb), "c-1");
  EXPECT_EQ(book.verifying().size(), 1u);
  book.find("c-1")->correction.state = CorrectionState::kDone;
  EXPECT_FALSE(book.under_way(kWeb));
  EXPECT_TRUE(book.verifying().empty());
}

TEST(CorrectionBook, TellsWhatCameLater) {
  CorrectionBook book;
  for (const char* id : {"c-3", "c-1", "c-2"}) {
    book.add(correction(id));
  }
  ASSERT_EQ(book.after("c-3").size(), 2u);
  EXPECT_EQ(book.after("c-3").front()->id, "c-1");
  EXPECT_TRUE(book.after("c-2").empty());
  EXPECT_EQ(book.after("of an earlier run").size(), 3u);
}

TEST(CorrectionBook, ForgetsTheOldestThatAreDone) {
  CorrectionBook book;
  for (int i = 0; i < 1002; ++i) {
    book.add(correction(std::to_string(i)));
  }
  book.forget_old();
  EXPECT_NE(book.find("0"), nullptr);
  book.find("0")->correction.state = CorrectionState::kDone;
  book.forget_old();
  EXPECT_EQ(book.find("0"), nullptr);
  EXPECT_NE(book.find("1"), nullptr);
  EXPECT_EQ(book.after("0").size(), 1001u);
}

}  // namespace
}  // namespace kvmtsc
