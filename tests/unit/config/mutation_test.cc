// parse_settings() neither throws nor crashes nor accepts what it cannot show, whatever is done to
// a good file. Deterministic: the same mutations in every run.
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "config/load.h"

namespace kvmtsc {
namespace {

// Numbers that are the same with every library, which those of <random>'s distributions are not
// (xorshift64*, Vigna 2016).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::size_t>((state_ * 0x2545F4914F6CDD1DULL) >> 33) % limit;
  }

 private:
  std::uint64_t state_;
};

const std::string kPieces[] = {"\n", " ",        ":",       "- ",    "[",    "]",     "{",
                               "}",  "&a ",      "*a",      "!x ",   "|",    ">",     "'",
                               "\"", "\\",       "#",       "---\n", "~",    "\t",    "? ",
                               "%",  "identity", "rules: ", "\xff",  "\\9",  "(",     "<<",
                               ", ", "0",        "5s",      "unix:", "\r\n", "...\n", "\x04"};

// Changes of one place: remove, insert, overwrite, repeat a stretch, move a stretch.
void mutate(std::string& text, Numbers& numbers) {
  const std::size_t at = numbers.below(text.size() + 1);
  const std::size_t length = numbers.below(40);
  switch (numbers.below(5)) {
    case 0:
      text.erase(at, length);
      break;
    case 1:
      text.insert(at, kPieces[numbers.below(std::size(kPieces))]);
      break;
    case 2:
      if (at < text.size()) {
        text[at] = static_cast<char>(numbers.below(256));
      }
      break;
    case 3:
      text.insert(at, text.substr(at, length));
      break;
    default: {
      const std::string moved = text.substr(at, length);
      text.erase(at, length);
      text.insert(numbers.below(text.size() + 1), moved);
    }
  }
}

// Without comments, so that most mutations hit something that matters.
std::string seed_text() {
  std::string text;
  const auto content = read_file(KVM_TSC_DEFAULT_CONFIG, 1 << 20);
  EXPECT_TRUE(content);
  std::size_t begin = 0;
  while (content && begin < content->size()) {
    const std::size_t end = std::min(content->find('\n', begin), content->size());
    const std::string line = content->substr(begin, end - begin);
    const std::string kept = line.substr(0, line.find('#'));
    if (kept.find_first_not_of(' ') != std::string::npos) {
      text += kept + "\n";
    }
    begin = end + 1;
  }
  const std::string rule =
      "rules: [{match: cgroup, pattern: '/t-(a+)/(b*)', name: '\\1', uuid: '\\2'}]";
  const std::size_t rules = text.find("rules: []");
  EXPECT_NE(rules, std::string::npos);
  return rules == std::string::npos ? text : text.replace(rules, 9, rule);
}

TEST(Mutations, OfTheDefaultFileAreAcceptedOrExplained) {
  const std::string seed = seed_text();
  ASSERT_TRUE(parse_settings(seed, "f"));
  Numbers numbers(20240229);
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = seed;
    const std::size_t changes = 1 + numbers.below(2);
    for (std::size_t i = 0; i < changes; ++i) {
      mutate(text, numbers);
    }
    const auto settings = parse_settings(text, "f");
    if (settings) {
      ++accepted;
      EXPECT_FALSE(settings->listen_addresses.empty()) << text;
      EXPECT_GE(settings->sweep_interval.count(), 100) << text;
      EXPECT_GT(settings->correction_max_step.count(), 0) << text;
    } else {
      ++refused;
      EXPECT_EQ(settings.error().kind, ErrorKind::kInvalid) << text;
      EXPECT_EQ(settings.error().message.rfind("f:", 0), 0U) << settings.error().message << text;
    }
  }
  // The mutations are neither all harmless nor all fatal; otherwise they would test little.
  EXPECT_GT(accepted, 200);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace kvmtsc
