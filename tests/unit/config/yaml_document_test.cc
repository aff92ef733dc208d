#include "config/yaml_document.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& yaml) {
  Problems problems;
  const auto document = parse_yaml(yaml, problems);
  EXPECT_FALSE(document) << yaml.substr(0, 80);
  EXPECT_FALSE(problems.empty());
  return problems.empty() ? "" : problems.error("f").message;
}

std::string repeated(const std::string& piece, std::size_t bytes) {
  std::string text;
  text.reserve(bytes + piece.size());
  while (text.size() < bytes) {
    text += piece;
  }
  return text;
}

TEST(YamlDocument, IsATreeWithLines) {
  Problems problems;
  const auto root = parse_yaml("a: 1\nb:\n  - x\n  - 'off'\nc:\na: again\n", problems);
  ASSERT_TRUE(root);
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(root->kind, YamlNode::Kind::kMap);
  ASSERT_EQ(root->items.size(), 8U);  // duplicates are kept
  EXPECT_EQ(root->items[1].text, "1");
  EXPECT_EQ(root->items[3].kind, YamlNode::Kind::kList);
  EXPECT_EQ(root->items[3].items[1].text, "off");
  EXPECT_EQ(root->items[3].items[1].line, 4U);
  EXPECT_EQ(root->items[5].kind, YamlNode::Kind::kNull);
  EXPECT_EQ(root->items[5].line, 5U);  // its key's
  EXPECT_EQ(root->items[6].text, "a");
  EXPECT_EQ(root->items[6].line, 6U);
}

// yaml-cpp makes a lone byte of each of these two.
TEST(YamlDocument, HoldsNothingButText) {
  for (const char* yaml : {"a: \"b\\_c\"\n", "\"\\N\": a\n"}) {
    Problems problems;
    EXPECT_FALSE(parse_yaml(yaml, problems)) << yaml;
    EXPECT_NE(problems.error("f").message.find("f:1: an escape that is no UTF-8 text"),
              std::string::npos)
        << problems.error("f").message;
  }
  Problems problems;
  const auto root = parse_yaml("a: \"\\0\\u00e9\\xe9\"\n", problems);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->items[1].text, std::string("\0\xC3\xA9\xC3\xA9", 5));
}

TEST(YamlDocument, MayBeEmpty) {
  for (const char* yaml :
       {"", "\n\n", "# only this\n", "---\n", "---\n...\n", "~", "\xEF\xBB\xBF"}) {
    Problems problems;
    const auto root = parse_yaml(yaml, problems);
    ASSERT_TRUE(root) << yaml;
    EXPECT_EQ(root->kind, YamlNode::Kind::kNull) << yaml;
  }
}

TEST(YamlDocument, MayEndInAnyWay) {
  for (const char* yaml : {"a: x", "a: x\n", "a: x # c", "a: 'x'", "a: x\n...", "a: x\n...\n# c\n",
                           "a: |\n  x", "a: >-\n  x\n", "a: [x]", "a: x\r\n"}) {
    Problems problems;
    const auto root = parse_yaml(yaml, problems);
    ASSERT_TRUE(root) << yaml << problems.error("f").message;
    const YamlNode& value = root->items.at(1);
    const std::string& text =
        value.kind == YamlNode::Kind::kList ? value.items.at(0).text : value.text;
    EXPECT_EQ(text.substr(0, text.find('\n')), "x") << yaml;
    EXPECT_LE(text.size(), 2U) << yaml;
  }
}

TEST(YamlDocument, MistakesNameTheirLine) {
  EXPECT_THAT(refusal("a: 1\n]\n"), HasSubstr("f:2: not YAML"));
  EXPECT_THAT(refusal("a:\n\tb: 1\n"), HasSubstr("no tabs"));
  EXPECT_THAT(refusal("c: 1\na: 'x\nb: 1\n"), HasSubstr("f:2: not YAML: a quote"));
  EXPECT_THAT(refusal("a: \"x\n\nb: 1"), HasSubstr("f:1: not YAML: a quote"));
  EXPECT_THAT(refusal("a: 'x"), HasSubstr("f:1: not YAML: a quote"));
  EXPECT_THAT(refusal("a: [1, 2\n"), HasSubstr("not YAML"));
  EXPECT_THAT(refusal("a: b: c\n"), HasSubstr("f:1: not YAML"));
  EXPECT_THAT(refusal("a: \"\\q\"\n"), HasSubstr("not YAML"));
}

TEST(YamlDocument, IsOne) {
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("f:2: a second document begins here"));
  EXPECT_THAT(refusal("- a\nb: 2\n"), HasSubstr("f:2: a second document begins here"));
}

TEST(YamlDocument, IsUtf8Text) {
  using namespace std::string_literals;
  EXPECT_THAT(refusal("a: 1\nb: \xff\n"), HasSubstr("f:2: bytes that are not UTF-8"));
  EXPECT_THAT(refusal("a: \xed\xa0\x80\n"), HasSubstr("f:1: bytes that are not UTF-8"));
  EXPECT_THAT(refusal("a: 1\n\nb: x\0y\n"s), HasSubstr("f:3: bytes that are not UTF-8"));
  EXPECT_THAT(refusal("\xff\xfe"
                      "a\0:\0 \0"s),
              HasSubstr("f:1: bytes that are not UTF-8"));
  EXPECT_THAT(refusal("a: 1\n\x04"
                      "b: 2\n"s),
              HasSubstr("f:2: a control character"));
  EXPECT_THAT(refusal("a: \x1b[31m\n"s), HasSubstr("f:1: a control character"));
}

TEST(YamlDocument, HasNoAnchorsAliasesTags) {
  EXPECT_THAT(refusal("a: &x 1\n"), HasSubstr("f:1: anchors and aliases"));
  EXPECT_THAT(refusal("a: &x 1\nb: *x\n"), HasSubstr("anchors and aliases"));
  EXPECT_THAT(refusal("a: *x\n"), HasSubstr("f:1: not YAML"));
  EXPECT_THAT(refusal("a: !!str 1\n"), HasSubstr("f:1: tags"));
  EXPECT_THAT(refusal("a: !x {b: 1}\n"), HasSubstr("f:1: tags"));
}

TEST(YamlDocument, ABillionLaughsAreNone) {
  std::string yaml = "a0: &a0 [lol]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) {
      yaml += "," + before;
    }
    yaml += "]\n";
  }
  EXPECT_THAT(refusal(yaml), HasSubstr("f:1: anchors and aliases"));
}

TEST(YamlDocument, HasLimits) {
  EXPECT_THAT(refusal(std::string(kMaxConfigBytes + 1, '\n')), HasSubstr("longer than 1048576"));
  EXPECT_THAT(refusal(repeated("- a\n", 4 * (kMaxYamlNodes + 1))), HasSubstr("too many values"));
  EXPECT_THAT(refusal(std::string(17, '[') + std::string(17, ']')), HasSubstr("nested too deeply"));
  Problems problems;
  EXPECT_TRUE(parse_yaml(std::string(kMaxConfigBytes, '\n'), problems));
  EXPECT_TRUE(parse_yaml(repeated("- a\n", 4 * (kMaxYamlNodes - 1)), problems));
  EXPECT_TRUE(parse_yaml(std::string(16, '[') + std::string(16, ']'), problems));
  EXPECT_TRUE(problems.empty());
}

// Large inputs that a careless parser takes quadratic time, deep recursion or much memory for.
TEST(YamlDocument, HostileInputTakesLittleTime) {
  for (const char* piece : {"[", "{", "[{", "- ", "? ", "{a: ", "[a,", "{a", "&a ", "!a ", "*a ",
                            "\"", "a:\n", "?\n", "a: b\n", "---\n", "%TAG ! a\n", "|\n"}) {
    const auto start = std::chrono::steady_clock::now();
    Problems problems;
    const auto document = parse_yaml(repeated(piece, kMaxConfigBytes / 4), problems);
    EXPECT_TRUE(!document || problems.empty());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << piece;
  }
}

}  // namespace
}  // namespace kvmtsc
