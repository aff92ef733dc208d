#include "bench/shared_scrape_bench.h"

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "bench/service.h"
#include "bench/statistics.h"
#include "bench/stopwatch.h"
#include "tests/fakes/http_client.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/paths.h"
#include "tests/integration/peak_memory.h"
#include "tests/integration/process.h"

namespace kvmtsc::bench {
namespace {

constexpr std::size_t kRounds = 1000;
constexpr double kRatioLimit = 1.3;
constexpr std::size_t kScrapers = 64;
constexpr std::chrono::seconds kAtOnce{6};  // longer than from one sweep to the next
constexpr double kMemoryLimit = 45;         // MiB
constexpr double kMilli = 1e3;

struct Way {
  const char* name;
  fakes::Headers headers;
  std::string body{};  // as answered
};

std::string address_of(const integration::Exporter& service) {
  return "127.0.0.1:" + std::to_string(service.port());
}

Result<std::string> body_of(const std::string& address, const std::string& path,
                            const fakes::Headers& headers) {
  auto reply = fakes::http_get(address, path, headers);
  if (!reply) {
    return Error{ErrorKind::kTimeout, address + path + " does not answer", {}};
  }
  if (reply->status != 200) {
    return Error{ErrorKind::kInvalid, path + ": status " + std::to_string(reply->status), {}};
  }
  return std::move(reply->body);
}

// A process that answers with the bodies of `ways`, and its address.
struct BareAnswer {
  std::unique_ptr<integration::Process> process;
  std::string address;
};

Result<BareAnswer> start_bare_answer(const std::vector<Way>& ways) {
  const TemporaryDirectory directory;
  std::vector<std::string> command{integration::product_program("bare-answer")};
  for (const Way& way : ways) {
    command.push_back(directory.write(way.name, way.body));
  }
  auto process = integration::Process::start(std::move(command));
  if (!process) {
    return process.error();
  }
  auto address = (*process)->read_line(std::chrono::seconds(10));
  if (!address) {
    return address.error();
  }
  return BareAnswer{*std::move(process), *std::move(address)};
}

// Adds how long it took.
Status scrape(const std::string& address, const std::string& path, const fakes::Headers& headers,
              Measurements& milliseconds) {
  const Stopwatch watch;
  const auto body = body_of(address, path, headers);
  milliseconds.add(watch.seconds() * kMilli);
  return body ? ok_status() : Status(body.error());
}

Status measure_beside(const std::string& service, const std::string& bare,
                      const std::string& bare_path, const Way& way, Results& results) {
  Measurements ours;
  Measurements theirs;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const bool first = round % 2 == 0;
    for (const bool our_turn : {first, !first}) {
      const Status scraped = our_turn ? scrape(service, "/metrics", way.headers, ours)
                                      : scrape(bare, bare_path, way.headers, theirs);
      if (!scraped) {
        return scraped;
      }
    }
  }
  const std::string row = std::string("scrape, ") + way.name;
  results.add({row + ", median (baseline: a bare answer of the same bytes)",
               "ms",
               ours.median(),
               theirs.median(),
               kRatioLimit,
               {}});
  results.add({row + ", p99 (baseline: likewise)", "ms", ours.p99(), theirs.p99(), {}, {}});
  results.note("bytes, " + std::string(way.name), std::to_string(way.body.size()));
  return ok_status();
}

// A scrape that is the first of its snapshot finds nothing to share yet.
Status measure_first(const std::string& debugfs, std::size_t vcpus, const Way& way,
                     Results& results) {
  constexpr int kFirsts = 20;
  const auto service = start_service(debugfs, vcpus, "500ms");
  if (!service) {
    return service.error();
  }
  const std::string address = address_of(**service);
  Measurements firsts;
  for (int i = 0; i < kFirsts; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));  // there has been a sweep
    if (auto scraped = scrape(address, "/metrics", way.headers, firsts); !scraped) {
      return scraped;
    }
  }
  results.add({std::string("scrape, ") + way.name + ", the first of a snapshot, median",
               "ms",
               firsts.median(),
               {},
               {},
               {}});
  return ok_status();
}

// Every scraper in a thread of its own, each asking in all ways in turn.
Status scrape_at_once(const std::string& service, const std::vector<Way>& ways) {
  const Stopwatch watch;
  std::vector<Status> outcomes(kScrapers, ok_status());
  std::vector<std::thread> scrapers;
  for (std::size_t i = 0; i < kScrapers; ++i) {
    scrapers.emplace_back([&, i] {
      for (std::size_t scrape = i; outcomes[i] && watch.seconds() < kAtOnce.count(); ++scrape) {
        const Way& way = ways[scrape % ways.size()];
        if (const auto body = body_of(service, "/metrics", way.headers); !body) {
          outcomes[i] = body.error();
        }
      }
    });
  }
  for (std::thread& scraper : scrapers) {
    scraper.join();
  }
  for (const Status& outcome : outcomes) {
    if (!outcome) {
      return outcome;
    }
  }
  return ok_status();
}

}  // namespace

Status measure_shared_scrapes(const std::string& debugfs, std::size_t vcpus, Results& results) {
  const auto service = start_service(debugfs, vcpus);
  if (!service) {
    return service.error();
  }
  const std::string address = address_of(**service);
  std::vector<Way> ways{{"plain", {}}, {"gzip", {{"Accept-Encoding", "gzip"}}}};
  for (Way& way : ways) {
    auto body = body_of(address, "/metrics", way.headers);
    if (!body) {
      return body.error();
    }
    way.body = *std::move(body);
  }
  const auto bare = start_bare_answer(ways);
  if (!bare) {
    return bare.error();
  }
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (auto measured =
            measure_beside(address, bare->address, "/" + std::to_string(i), ways[i], results);
        !measured) {
      return measured;
    }
  }
  if (auto scraped = scrape_at_once(address, ways); !scraped) {
    return scraped;
  }
  const auto peak = integration::peak_resident_mib((*service)->pid());
  if (!peak) {
    return peak.error();
  }
  results.add({"resident memory at most, 64 scrapers at once", "MiB", *peak, {}, kMemoryLimit, {}});
  return measure_first(debugfs, vcpus, ways.back(), results);
}

}  // namespace kvmtsc::bench
