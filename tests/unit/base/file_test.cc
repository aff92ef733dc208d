#include "base/file.h"

#include <fcntl.h>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

class FileTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) {
    return directory_.write(name, content);
  }
  TemporaryDirectory directory_;
};

TEST_F(FileTest, ReadsASmallFile) {
  const auto path = write("offset", "-12\n");
  std::array<char, 32> buffer{};
  const auto content = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, "-12\n");
}

TEST_F(FileTest, AFileThatFillsTheBufferIsInvalid) {
  const auto path = write("huge", std::string(32, '1'));
  std::array<char, 32> buffer{};
  const auto content = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().kind, ErrorKind::kInvalid);
  const auto whole = read_file(path, 16);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().kind, ErrorKind::kInvalid);
}

TEST_F(FileTest, WhatIsNotThereIsNotFound) {
  std::array<char, 32> buffer{};
  const std::string path = directory_.path() + "/gone";
  EXPECT_EQ(read_small_file_at(AT_FDCWD, path.c_str(), buffer).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_file(path, 16).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open_directory(path).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(list_directory(path).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_link(path).error().kind, ErrorKind::kNotFound);
  EXPECT_NE(read_file(path, 16).error().message.find(path), std::string::npos);
}

TEST_F(FileTest, ListsNamesWithoutTheDots) {
  write("a", "");
  const auto names = list_directory(directory_.path());
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace kvmtsc
