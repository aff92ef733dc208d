// Many scrapers at once of a made-up host with 2,000 vCPUs: each gets a whole answer, and the
// service does not grow with their number.
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/gunzip.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/peak_memory.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{20000};
constexpr std::size_t kVms = 250;
constexpr std::size_t kVcpus = 8;  // of each VM
constexpr std::size_t kScrapers = 64;
constexpr double kMostMib = 45;

class ManyScrapersTest : public testing::Test {
 protected:
  // All vCPUs are links to the first VM's, for 6,000 files are not made in an instant.
  void SetUp() override {
    host_.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    host_.write("proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc nonstop_tsc\n");
    const std::string kvm = host_.path() + "/debugfs/kvm/";
    for (std::size_t vcpu = 0; vcpu < kVcpus; ++vcpu) {
      const std::string base = "debugfs/kvm/1000-8/vcpu" + std::to_string(vcpu) + "/";
      host_.write(base + "tsc-offset", "-1234567890123\n");
      host_.write(base + "guest_mode", "0\n");
      host_.write(base + "pid", "0\n");
    }
    for (std::size_t vm = 1; vm < kVms; ++vm) {
      const std::string directory = kvm + std::to_string(1000 + vm) + "-8";
      std::filesystem::create_directory(directory);
      for (std::size_t vcpu = 0; vcpu < kVcpus; ++vcpu) {
        const std::string name = "/vcpu" + std::to_string(vcpu);
        std::filesystem::create_directory_symlink(kvm + "1000-8" + name, directory + name);
      }
    }
    auto exporter = Exporter::start(
        {"sweep:\n  interval: 1s\n",
         {"--path.debugfs=" + host_.path() + "/debugfs", "--path.sysfs=" + host_.path() + "/sys",
          "--path.procfs=" + host_.path() + "/proc"}});
    ASSERT_OK(exporter);
    exporter_ = std::move(*exporter);
    ASSERT_TRUE(eventually(kPatience, [this] {
      const auto samples = exporter_->metrics();
      return samples && samples->find("kvm_tsc_vcpu_skew_seconds").size() == kVms * kVcpus;
    })) << "the host's vCPUs have no skew";
  }

  static std::string text_of(const fakes::HttpReply& reply) {
    return reply.header("Content-Encoding") == "gzip"
               ? fakes::gunzip(reply.body).value_or("not one gzip member")
               : reply.body;
  }

  const TemporaryDirectory host_;
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(ManyScrapersTest, AllGetAWholeAnswerInLittleMemory) {
  const std::array<fakes::Headers, 4> ways{
      fakes::Headers{},
      {{"Accept-Encoding", "gzip"}},
      {{"Accept", "application/openmetrics-text"}},
      {{"Accept", "application/openmetrics-text"}, {"Accept-Encoding", "gzip"}}};
  std::atomic<std::size_t> whole = 0;
  std::vector<std::thread> scrapers;
  constexpr std::size_t kScrapes = 12;
  for (std::size_t i = 0; i < kScrapers; ++i) {
    scrapers.emplace_back([&, i] {
      for (std::size_t scrape = 0; scrape < kScrapes; ++scrape) {
        const bool openmetrics = (i + scrape) % 4 >= 2;
        const auto reply = exporter_->get("/metrics", ways.at((i + scrape) % 4));
        const std::string text = reply ? text_of(*reply) : reply.error().text();
        const bool ends = text.ends_with(openmetrics ? "# EOF\n" : "\n");
        const auto last = text.find("\nprocess_max_fds ");
        whole += ends && text.starts_with("# HELP ") && text.size() > 500'000 &&
                         last != std::string::npos
                     ? 1
                     : 0;
      }
    });
  }
  for (std::thread& scraper : scrapers) {
    scraper.join();
  }
  EXPECT_EQ(whole, kScrapers * kScrapes);
  const auto peak = peak_resident_mib(exporter_->pid());
  ASSERT_OK(peak);
  RecordProperty("peak_resident_mib", std::to_string(*peak));
  EXPECT_LT(*peak, kMostMib);
}

// As other programs than Prometheus unpack it.
TEST_F(ManyScrapersTest, TheMemberOfHalvesIsReadByOthers) {
  const auto reply = exporter_->get("/metrics", {{"Accept-Encoding", "gzip"}});
  ASSERT_OK(reply);
  const std::string text = text_of(*reply);
  const std::string url = "http://127.0.0.1:" + std::to_string(exporter_->port()) + "/metrics";
  const TemporaryDirectory directory;
  const std::string file = directory.write("metrics.gz", reply->body);
  const std::vector<std::vector<std::string>> readers{
      {"gzip", "-dc", file},
      {"/usr/bin/python3", "-c",
       "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())", file}};
  for (const auto& reader : readers) {
    const auto unpacked = run_program(reader, "", kPatience);
    ASSERT_OK(unpacked);
    EXPECT_TRUE(unpacked->output == text) << reader[0] << ": " << unpacked->error_output;
  }
  REQUIRE_PROGRAM("curl");
  const auto fetched = run_program({"curl", "-sS", "--compressed", url}, "", kPatience);
  ASSERT_OK(fetched);
  EXPECT_EQ(fetched->status.code, 0) << fetched->error_output;
  EXPECT_THAT(fetched->output, testing::HasSubstr("\nkvm_tsc_config_last_reload_successful 1\n"));
  EXPECT_THAT(fetched->output, testing::HasSubstr("\nprocess_max_fds "));
}

}  // namespace
}  // namespace kvmtsc::integration
