#include "exporter/http/encoding.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/fakes/gunzip.h"

namespace kvmtsc::http {
namespace {

using fakes::gunzip;

TEST(AcceptsGzip, WhereItIsNamedOrCoveredByAStar) {
  for (const char* header :
       {"gzip", "GZIP", "deflate, gzip", "gzip;q=1.0", "gzip ; q=0.001",
        "gzip; q=1.000, identity; q=0.5", "*", "*;q=0.1", "x-gzip", "identity;q=0, *",
        "br,gzip;q=0.5", "*;q=0, gzip", ",, gzip ,", "*;q=1, *;q=0"}) {
    EXPECT_TRUE(accepts_gzip(header)) << header;
  }
}

TEST(AcceptsGzip, NotWhereItIsRefusedAbsentOrMalformed) {
  for (const char* header : {"",
                             " ",
                             "identity",
                             "gzip;q=0",
                             "gzip;q=0.000",
                             "*;q=0",
                             "gzip;q=0, *;q=1",
                             "gzipped",
                             "identity;q=0",
                             "gzip;q=2",
                             "gzip;q=1.001",
                             "gzip;q=0.1234",
                             "gzip;q=",
                             "gzip;q=-1",
                             "gzip;q=abc",
                             "gzip;q=0,5",
                             "gzip q=1",
                             "gzip;level",
                             ";q=1",
                             "br, deflate"}) {
    EXPECT_FALSE(accepts_gzip(header)) << header;
  }
}

Response text_of(std::size_t size, const std::string& type) {
  Response response;
  response.content_type = type;
  response.body.assign(size, 'a');
  return response;
}

Request accepting(const std::string& encoding) {
  Request request;
  request.headers.emplace_back("accept-encoding", encoding);
  return request;
}

TEST(CompressFor, CompressesLongTextsForThoseWhoAcceptIt) {
  for (const char* type :
       {"text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0",
        "application/json", "application/problem+json", "text/html"}) {
    Response response = text_of(1024, type);
    compress_for(accepting("gzip"), response);
    EXPECT_EQ(gunzip(response.body), std::string(1024, 'a')) << type;
    EXPECT_EQ(response.headers,
              (std::vector<Header>{{"Vary", "Accept-Encoding"}, {"Content-Encoding", "gzip"}}));
  }
}

TEST(CompressFor, SaysWithVaryThatAnotherClientWouldGetAnotherBody) {
  Response response = text_of(1024, "text/plain");
  compress_for(accepting("identity"), response);
  EXPECT_EQ(response.body.size(), 1024U);
  EXPECT_EQ(response.headers, (std::vector<Header>{{"Vary", "Accept-Encoding"}}));
}

TEST(CompressFor, ReadsSeveralFieldsAsOneList) {
  Request request = accepting("br");
  request.headers.emplace_back("Accept-Encoding", "gzip");
  Response response = text_of(1024, "text/plain");
  compress_for(request, response);
  EXPECT_LT(response.body.size(), 1024U);
}

TEST(CompressFor, LeavesShortEncodedSharedAndBinaryBodiesAlone) {
  Response tiny = text_of(1023, "text/plain");
  Response image = text_of(4096, "image/png");
  Response encoded = text_of(4096, "text/plain");
  encoded.headers.emplace_back("content-encoding", "br");
  Response shared = text_of(4096, "text/plain");
  shared.shared = std::make_shared<const std::string>("before it");
  for (Response* response : {&tiny, &image, &encoded, &shared}) {
    const auto headers = response->headers;
    const std::string body = response->body;
    compress_for(accepting("gzip"), *response);
    EXPECT_EQ(response->body, body);
    EXPECT_EQ(response->headers, headers);
  }
}

TEST(PrefersOpenmetrics, WhenItsWeightIsNoLess) {
  for (const char* accept :
       {"application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
        "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text; version=\"1.0.0\"; charset=utf-8",
        "text/plain;q=0.5, APPLICATION/OpenMetrics-Text;Version=0.0.1;Q=0.5",
        "*/*;q=0.1, application/openmetrics-text;q=0.2",
        "text/plain;q=0, application/openmetrics-text;q=0.1, */*;q=1"}) {
    EXPECT_TRUE(prefers_openmetrics(accept)) << accept;
  }
}

TEST(PrefersOpenmetrics, NotOtherwise) {
  for (const char* accept :
       {"", " ", "*/*", "text/plain", "application/*", "application/openmetrics-text;q=0",
        "application/openmetrics-text;version=2.0.0",
        "text/plain, application/openmetrics-text;q=0.9", "*/*, application/openmetrics-text;q=0.9",
        "text/*;q=0.8,application/openmetrics-text;q=0.7", "application/openmetrics-text;q=1.5",
        "application/openmetrics-text;q", "a b;;;,,q=", "application/openmetrics-text;q=0.5;q=x",
        "application/openmetrics-textual"}) {
    EXPECT_FALSE(prefers_openmetrics(accept)) << accept;
  }
}

}  // namespace
}  // namespace kvmtsc::http
