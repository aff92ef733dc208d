// Accept and Accept-Encoding. Arbitrary bytes show what must not matter to the outcome: case,
// blanks, order, elements that say nothing. Lists put together from the same bytes show the outcome
// itself, for what they say is known before they are written down.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/parse.h"
#include "exporter/http/encoding.h"
#include "invariant.h"
#include "tests/fakes/gunzip.h"

namespace kvmtsc::fuzz {
namespace {

using http::accepts_gzip;
using http::prefers_openmetrics;

std::string mapped(std::string text, char first, char last, int by) {
  for (char& c : text) {
    c = c >= first && c <= last ? static_cast<char>(c + by) : c;
  }
  return text;
}

std::string reversed(const std::string& list) {
  std::string other;
  for (const std::string_view element : split(list, ',')) {
    other = std::string(element) + "," + other;
  }
  other.pop_back();
  return other;
}

std::string padded(const std::string& list) {
  std::string wide = "\t ";
  for (const char c : list) {
    wide += c == ',' ? " , ,\t" : c == ';' ? " ;\t" : std::string(1, c);
  }
  return wide + " ";
}

template <typename Chooses>
void check_what_does_not_matter(const std::string& list, Chooses chooses,
                                const char* says_nothing) {
  const bool chosen = chooses(list);
  require(chooses(mapped(list, 'A', 'Z', 'a' - 'A')) == chosen, "lower case is the same", list);
  require(chooses(mapped(list, 'a', 'z', 'A' - 'a')) == chosen, "upper case is the same", list);
  require(chooses(reversed(list)) == chosen, "the order does not matter", list);
  require(chooses(padded(list)) == chosen, "blanks and empty elements do not matter", list);
  require(chooses(list + says_nothing) == chosen, "another type does not matter", list);
}

// One element as a client means it.
struct Wish {
  std::string name;
  int thousandths = 1000;
  bool other_version = false;
};

std::vector<Wish> wishes_of(const std::string& bytes, const std::vector<std::string>& names) {
  std::vector<Wish> wishes;
  for (std::size_t i = 0; i + 2 < bytes.size() && wishes.size() < 6; i += 3) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(bytes[i + k]); };
    wishes.push_back({names[at(0) % names.size()], (at(1) << 8U | at(2)) % 1001, at(0) >= 192});
  }
  return wishes;
}

std::string written(const std::vector<Wish>& wishes) {
  std::string list;
  for (const Wish& wish : wishes) {
    const std::string digits = std::to_string(1000 + wish.thousandths % 1000).substr(1);
    list += (list.empty() ? "" : ", ") + wish.name + (wish.other_version ? ";version=9" : "") +
            ";q=" + (wish.thousandths == 1000 ? "1" : "0." + digits);
  }
  return list;
}

// The largest weight of that name; absent when it is not there.
std::optional<int> weight_of(const std::vector<Wish>& wishes, const std::string& name) {
  std::optional<int> weight;
  for (const Wish& wish : wishes) {
    if (wish.name == name) {
      weight = std::max(weight.value_or(0), wish.thousandths);
    }
  }
  return weight;
}

void check_known_encodings(const std::string& bytes) {
  const auto wishes = wishes_of(bytes, {"gzip", "*", "identity", "br"});
  const auto named = weight_of(wishes, "gzip");
  const bool wanted = named.value_or(weight_of(wishes, "*").value_or(0)) > 0;
  require(accepts_gzip(written(wishes)) == wanted, "gzip is accepted as asked", written(wishes));
}

void check_known_types(const std::string& bytes) {
  const std::string openmetrics = "application/openmetrics-text";
  const auto wishes = wishes_of(bytes, {openmetrics, "text/plain", "text/*", "*/*", "text/html"});
  std::vector<Wish> served = wishes;
  std::erase_if(served, [](const Wish& wish) { return wish.other_version; });
  const int ours = weight_of(served, openmetrics).value_or(0);
  int plain = 0;
  for (const char* range : {"text/plain", "text/*", "*/*"}) {
    if (const auto weight = weight_of(wishes, range)) {
      plain = *weight;
      break;
    }
  }
  require(prefers_openmetrics(written(wishes)) == (ours > 0 && ours >= plain),
          "the type is chosen as asked", written(wishes));
}

void check_compression(const std::string& list) {
  http::Request request;
  request.headers.emplace_back("Accept-Encoding", list);
  http::Response response;
  // Just long enough to be worth it, or just too short.
  response.body = list + std::string(list.size() % 2 == 0 ? 1024 : 1023 - list.size() % 1023, 'x');
  const std::string body = response.body;
  http::compress_for(request, response);
  const auto has = [&](const http::Header& wanted) {
    return std::ranges::find(response.headers, wanted) != response.headers.end();
  };
  const bool long_enough = body.size() >= 1024;
  const bool packed = has({"Content-Encoding", "gzip"});
  require(packed == (long_enough && accepts_gzip(list)), "who accepts gzip gets it", list);
  require(has({"Vary", "Accept-Encoding"}) == long_enough, "caches are told", list);
  require((packed ? fakes::gunzip(response.body) : response.body) == body,
          "the body arrives as it was", list);
}

}  // namespace
}  // namespace kvmtsc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvmtsc::fuzz;
  const std::string list = text_of(data, size);
  check_what_does_not_matter(list, accepts_gzip, ",br;q=0.5");
  check_what_does_not_matter(list, prefers_openmetrics, ",image/png;q=0.5");
  check_known_encodings(list);
  check_known_types(list);
  check_compression(list);
  return 0;
}
