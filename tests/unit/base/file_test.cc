#include "base/file.h"

#include <fcntl.h>

#include <array>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "kvmtsc-file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name) << content;
    return directory_ + "/" + name;
  }
  std::string directory_;
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
  const std::string path = directory_ + "/gone";
  EXPECT_EQ(read_small_file_at(AT_FDCWD, path.c_str(), buffer).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_file(path, 16).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open_directory(path).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(list_directory(path).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_link(path).error().kind, ErrorKind::kNotFound);
  EXPECT_NE(read_file(path, 16).error().message.find(path), std::string::npos);
}

TEST_F(FileTest, ListsNamesWithoutTheDots) {
  write("a", "");
  const auto names = list_directory(directory_);
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace kvmtsc
