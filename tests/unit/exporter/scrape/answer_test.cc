#include "exporter/scrape/answer.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "exporter/metrics/families.h"
#include "exporter/metrics/service_families.h"
#include "snapshots.h"
#include "tests/fakes/gunzip.h"

namespace kvmtsc {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::Not;
using testing::Pair;

class AnswerScrape : public testing::Test {
 protected:
  AnswerScrape() { append_build_info({"1.2.3", "0123456789ab", "a compiler"}, live_); }

  http::Response answer(const std::string& accept, const std::string& encoding) const {
    http::Request request;
    request.headers = {{"Accept", accept}, {"Accept-Encoding", encoding}};
    return answer_scrape(rendering_, live_, request);
  }

  // All families written by one call.
  std::string whole(ExpositionFormat format) const {
    Families families;
    append_vm_families(*rendering_.snapshot(), families);
    append_host_families(*rendering_.snapshot(), families);
    families.insert(families.end(), live_.begin(), live_.end());
    return expose(families, format);
  }

  static constexpr const char* kOpenMetrics = "application/openmetrics-text";
  const Rendering rendering_{snapshot_of(100)};
  Families live_;
};

std::string body_of(const http::Response& response) {
  return *response.shared + response.body;
}

TEST_F(AnswerScrape, IsWhatOneRenderingOfAllWouldBe) {
  EXPECT_EQ(body_of(answer("", "")), whole(ExpositionFormat::kText));
  EXPECT_EQ(body_of(answer(kOpenMetrics, "")), whole(ExpositionFormat::kOpenMetrics));
  EXPECT_THAT(body_of(answer(kOpenMetrics, "")), EndsWith("# EOF\n"));
}

TEST_F(AnswerScrape, IsTheSameCompressed) {
  const auto text = answer("", "gzip");
  EXPECT_EQ(fakes::gunzip(body_of(text)), whole(ExpositionFormat::kText));
  EXPECT_LT(text.length(), whole(ExpositionFormat::kText).size() / 3);
  EXPECT_EQ(fakes::gunzip(body_of(answer(kOpenMetrics, "gzip"))),
            whole(ExpositionFormat::kOpenMetrics));
}

TEST_F(AnswerScrape, SaysWhatItIsAndWhatItDependsOn) {
  const auto varies =
      AllOf(Contains(Pair("Vary", "Accept")), Contains(Pair("Vary", "Accept-Encoding")));
  const auto plain = answer("", "");
  EXPECT_EQ(plain.content_type, content_type(ExpositionFormat::kText));
  EXPECT_THAT(plain.headers, AllOf(varies, Not(Contains(Pair("Content-Encoding", "gzip")))));
  const auto packed = answer(kOpenMetrics, "gzip");
  EXPECT_EQ(packed.content_type, content_type(ExpositionFormat::kOpenMetrics));
  EXPECT_THAT(packed.headers, AllOf(varies, Contains(Pair("Content-Encoding", "gzip"))));
}

TEST_F(AnswerScrape, SharesItsBytesWithOthersOfTheSameKind) {
  for (const auto& [accept, encoding] : {std::pair("", ""), std::pair(kOpenMetrics, "gzip")}) {
    EXPECT_EQ(answer(accept, encoding).shared, answer(accept, encoding).shared);
  }
  EXPECT_NE(answer("", "").shared, answer("", "gzip").shared);
}

TEST_F(AnswerScrape, WhatIsLiveIsThatOfTheScrape) {
  const auto before = answer("", "gzip");
  append_service_families({}, live_);
  const auto after = answer("", "gzip");
  EXPECT_EQ(fakes::gunzip(body_of(after)), whole(ExpositionFormat::kText));
  EXPECT_NE(before.body, after.body);
  EXPECT_EQ(before.shared, after.shared);
}

}  // namespace
}  // namespace kvmtsc
