#include "exporter/log/log.h"

#include <gtest/gtest.h>

namespace kvmtsc::log {
namespace {

constexpr std::int64_t kTime = 1'790'000'000'007;

TEST(Log, WritesLogfmt) {
  EXPECT_EQ(format_line(Format::kLogfmt, kTime, Level::kInfo, "listening", {{"port", "80"}}),
            "ts=2026-09-21T14:13:20.007Z level=info msg=\"listening\" port=\"80\"");
}

TEST(Log, WritesJson) {
  EXPECT_EQ(format_line(Format::kJson, kTime, Level::kError, "no", {{"path", "/x"}}),
            R"({"ts":"2026-09-21T14:13:20.007Z","level":"error","msg":"no","path":"/x"})");
}

TEST(Log, AValueCannotForgeALine) {
  const std::string line =
      format_line(Format::kLogfmt, kTime, Level::kWarn, "vm",
                  {{"name", std::string("a\"b\\\n level=error\r\x01\x7f\xff\t") + '\0'}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find("name=\"a\\\"b\\\\\\n level=error\\r\\u0001\\u007f\xEF\xBF\xBD\\t"),
            std::string::npos)
      << line;
}

TEST(Log, KnowsItsLevels) {
  EXPECT_EQ(*parse_level("warn"), Level::kWarn);
  EXPECT_FALSE(parse_level("loud"));
  EXPECT_FALSE(parse_level(""));
}

}  // namespace
}  // namespace kvmtsc::log
