#include "exporter/http/message.h"

#include <gtest/gtest.h>

namespace kvmtsc::http {
namespace {

TEST(Request, FindsTheFirstHeaderWithoutRegardToCase) {
  Request request;
  request.headers = {{"Accept", "a"}, {"ACCEPT", "b"}, {"X-Empty", ""}};
  EXPECT_EQ(request.header("accept"), "a");
  EXPECT_EQ(request.header("x-empty"), "");
  EXPECT_EQ(request.header("Host"), "");
}

TEST(Problem, IsJsonWhateverTheDetail) {
  const Response response = problem(404, "a \"quote\", a \\ and a\nline");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Not Found","status":404,)"
                           R"("detail":"a \"quote\", a \\ and a\u000aline"})"
                           "\n");
  EXPECT_EQ(problem(418, "").body.find("detail"), std::string::npos);
}

TEST(HasToken, ComparesWholeElements) {
  EXPECT_TRUE(has_token("keep-alive, Close", "close"));
  EXPECT_TRUE(has_token(" close ", "close"));
  EXPECT_FALSE(has_token("closed", "close"));
  EXPECT_FALSE(has_token("", "close"));
}

TEST(Request, FindsQueryValues) {
  Request request;
  request.query = "vm=a+b%2Fc&limit=5&bad=%zz&empty=";
  EXPECT_EQ(request.query_value("vm"), "a b/c");
  EXPECT_EQ(request.query_value("limit"), "5");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_FALSE(request.query_value("bad"));
  EXPECT_FALSE(request.query_value("none"));
}

}  // namespace
}  // namespace kvmtsc::http
