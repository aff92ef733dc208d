// Results: the rows that a run of the benchmarks has measured, judged against their limits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace kvmtsc::bench {

enum class Verdict { kNoLimit, kHeld, kMissed, kSkipped };

struct Row {
  std::string what;
  std::string unit;                // of `ours` and `baseline`
  std::optional<double> ours;      // absent only when skipped
  std::optional<double> baseline;  // the same unit, measured in the same run
  // What may not be exceeded: by ours / baseline where there is a baseline, by `ours` otherwise.
  std::optional<double> limit;
  std::string skipped;  // why it could not be measured; empty when it was

  std::optional<double> ratio() const;  // absent without a baseline
  Verdict verdict() const;
};

class Results {
 public:
  void add(Row row) { rows_.push_back(std::move(row)); }
  void skip(std::string what, std::string why);

  // A fact about the machine or the run, for the reader: "kernel", "6.1.0".
  void note(std::string name, std::string value);

  bool any_missed() const;

  // The notes, and a table with the columns: what, ours, baseline, ratio or limit, verdict.
  std::string table() const;
  nlohmann::json json() const;

 private:
  std::vector<std::pair<std::string, std::string>> notes_;
  std::vector<Row> rows_;
};

}  // namespace kvmtsc::bench
