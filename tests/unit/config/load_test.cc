// load_settings(): the file and the flags together, and reloading.
#include "config/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class LoadTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "kvmtsc-load-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    file_ = directory_ + "/config.yml";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& content) const {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << content;
  }
  // The command line with the file and further flags.
  CommandLine command_line(const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> words{"kvm-tsc-exporter", "--config.file=" + file_};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<const char*> argv;
    argv.reserve(words.size());
    for (const std::string& word : words) {
      argv.push_back(word.c_str());
    }
    auto parsed = parse_command_line(static_cast<int>(argv.size()), argv.data());
    EXPECT_TRUE(parsed);
    return std::get<CommandLine>(*parsed);
  }

  std::string directory_;
  std::string file_;
};

TEST_F(LoadTest, AFlagWinsOverTheFileAndTheFileOverTheDefault) {
  write(
      "sweep: {interval: 2s}\nlog: {level: warn}\ndemo: true\nweb: {listen_address: "
      "['[::1]:1']}\n");
  const auto settings = load_settings(
      command_line({"--sweep.interval=3s", "--demo=false", "--web.listen-address", "127.0.0.1:2"}));
  ASSERT_TRUE(settings) << settings.error().text();
  Settings expected;
  expected.sweep_interval = 3s;
  expected.log_level = "warn";
  expected.listen_addresses = {"127.0.0.1:2"};
  EXPECT_EQ(*settings, expected);
}

TEST_F(LoadTest, AnEmptyFileGivesTheDefaults) {
  write("");
  EXPECT_EQ(*load_settings(command_line()), Settings{});
}

TEST_F(LoadTest, AReloadReadsTheFileAgain) {
  const CommandLine words = command_line({"--log.level=debug"});
  write("sweep: {interval: 2s}\n");
  const auto first = load_settings(words);
  ASSERT_TRUE(first);
  write("sweep: {interval: 4s}\n");
  const auto second = load_settings(words);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->sweep_interval, 4s);
  EXPECT_EQ(second->log_level, "debug");
  write("sweep: {interval: 4}\n");
  const auto third = load_settings(words);
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().message, StartsWith(file_ + ":1: sweep.interval: "));
  Settings expected;  // untouched by the reloads
  expected.sweep_interval = 2s;
  expected.log_level = "debug";
  EXPECT_EQ(*first, expected);
}

TEST_F(LoadTest, AMistakeCountsEvenUnderAFlag) {
  write("sweep: {interval: soon}\n");
  EXPECT_FALSE(load_settings(command_line({"--sweep.interval=3s"})));
}

TEST_F(LoadTest, AMissingFileIsNotFound) {
  const auto settings = load_settings(command_line());
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(settings.error().message, StartsWith(file_ + ": "));
  EXPECT_THAT(settings.error().remedy, HasSubstr("--config.file"));
}

TEST_F(LoadTest, AnUnreadableFileNamesThePermission) {
  write("");
  ASSERT_EQ(::chmod(file_.c_str(), 0), 0);
  const CommandLine words = command_line();
  const bool root = ::geteuid() == 0;  // who may read everything
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto settings = load_settings(words);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(settings.error().message, StartsWith(file_));
}

TEST_F(LoadTest, ADirectoryIsNoFile) {
  std::filesystem::create_directory(file_);
  const auto settings = load_settings(command_line());
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(settings.error().message, HasSubstr("not a regular file"));
}

TEST_F(LoadTest, AFifoDoesNotHangTheService) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  const auto settings = load_settings(command_line());
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message, HasSubstr("not a regular file"));
}

TEST_F(LoadTest, AHugeFileIsRefused) {
  write(std::string((1 << 20) + 1, '\n'));
  const auto settings = load_settings(command_line());
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(settings.error().message, HasSubstr("1048576"));
  write(std::string(1 << 20, '\n'));
  EXPECT_TRUE(load_settings(command_line()));
}

}  // namespace
}  // namespace kvmtsc
