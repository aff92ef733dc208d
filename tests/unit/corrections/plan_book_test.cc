#include "corrections/plan_book.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using std::chrono::minutes;

PlanRecord plan(const std::string& id, MonotonicTime made = {}) {
  PlanRecord record;
  record.id = id;
  record.made = made;
  return record;
}

TEST(PlanBook, FindsAPlanForItsLifetime) {
  PlanBook book(minutes(10));
  book.keep(plan("p-1", MonotonicTime{minutes(1)}));
  EXPECT_TRUE(book.find("p-1", MonotonicTime{minutes(11)}));
  EXPECT_FALSE(book.find("p-1", MonotonicTime{minutes(11) + Nanoseconds(1)}));
  EXPECT_FALSE(book.find("p-2", {}));
}

TEST(PlanBook, ForgetsTheOldestOfTooMany) {
  PlanBook book(minutes(10));
  for (int i = 0; i <= 256; ++i) {
    book.keep(plan(std::to_string(i)));
  }
  EXPECT_FALSE(book.find("0", {}));
  EXPECT_TRUE(book.find("1", {}));
  EXPECT_TRUE(book.find("256", {}));
}

}  // namespace
}  // namespace kvmtsc
