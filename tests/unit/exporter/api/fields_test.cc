#include "exporter/api/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/api/goal_fields.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;

// What is wrong with a body that is read as a goal; empty when nothing is.
std::string wrong_with(const std::string& body) {
  auto fields = Fields::parse(body);
  if (!fields) {
    return fields.error().message;
  }
  take_goal(*fields);
  take_allowed(*fields);
  take_reason(*fields);
  const auto finished = fields->finish();
  return finished ? "" : finished.error().message;
}

TEST(Fields, TakesTicksAsStringsAndWholeNumbers) {
  for (const char* offset : {"\"-5\"", "-5", "\"9223372036854775807\"", "-9223372036854775808"}) {
    EXPECT_EQ(wrong_with(R"({"goal":"set","offset":)" + std::string(offset) + "}"), "") << offset;
  }
  for (const char* offset :
       {"5.0", "5e3", "\"5.0\"", "\" 5\"", "\"\"", "\"0x5\"", "null", "[]", "true",
        "9223372036854775808", "\"99999999999999999999\"", "\"nan\""}) {
    EXPECT_THAT(wrong_with(R"({"goal":"set","offset":)" + std::string(offset) + "}"),
                HasSubstr("\"offset\""))
        << offset;
  }
}

TEST(Fields, RefusesWhatIsNoObjectOrNotWellFormed) {
  for (const char* body : {"", "{", "[]", "1", "nul", "{\"a\":NaN}", "{\"a\":1,}", "{} {}",
                           "{\"a\":\"\xff\"}", "{'a':1}"}) {
    EXPECT_NE(wrong_with(body), "") << body;
  }
  EXPECT_THAT(wrong_with(R"({"goal":"align","goal":"set"})"), HasSubstr("occurs twice"));
  EXPECT_THAT(wrong_with(std::string(60'000, '[')), HasSubstr("too deeply"));
}

TEST(Fields, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(wrong_with(R"({"goal":"align","two":1})"), HasSubstr("\"two\" is not a field"));
  EXPECT_THAT(wrong_with(R"({"goal":"twist"})"), HasSubstr("\"goal\" must be"));
  EXPECT_THAT(wrong_with(R"({"goal":"align","to":"me"})"), HasSubstr("\"to\""));
  EXPECT_THAT(wrong_with(R"({"goal":"set"})"), HasSubstr("\"offset\" is missing"));
  EXPECT_THAT(wrong_with(R"({"goal":"set","offset":"1","vcpu":-1})"), HasSubstr("\"vcpu\""));
  EXPECT_THAT(wrong_with(R"({"goal":"set","offset":"1","vcpu":4294967296})"),
              HasSubstr("\"vcpu\""));
  EXPECT_THAT(wrong_with(R"({"goal":"shift"})"), HasSubstr("either"));
  EXPECT_THAT(wrong_with(R"({"goal":"shift","ticks":"1","nanoseconds":"1"})"), HasSubstr("either"));
  EXPECT_THAT(wrong_with(R"({"goal":"restore","offsets":[]})"), HasSubstr("\"offsets\""));
  EXPECT_THAT(wrong_with(R"({"goal":"restore","offsets":[{"vcpu":0}]})"), HasSubstr("missing"));
  EXPECT_THAT(wrong_with(R"({"goal":"restore","offsets":[{"vcpu":0,"offset":"1","x":1}]})"),
              HasSubstr("\"x\""));
  EXPECT_THAT(wrong_with(R"({"goal":"align","allow":["everything"]})"), HasSubstr("everything"));
  EXPECT_THAT(wrong_with(R"({"goal":"align","allow":"backwards"})"), HasSubstr("list of strings"));
  EXPECT_THAT(wrong_with(R"({"goal":"align","reason":")" + std::string(1001, 'x') + "\"}"),
              HasSubstr("1000"));
}

}  // namespace
}  // namespace kvmtsc
