#include "bench/results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace kvmtsc::bench {
namespace {

using Cells = std::array<std::string, 5>;

// Three digits that count, whatever the size.
std::string digits(double value) {
  const double size = std::abs(value);
  const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string plain(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

std::string figure(const std::optional<double>& value, const std::string& unit) {
  return value ? digits(*value) + " " + unit : "";
}

std::string judged(const Row& row) {
  std::string text = row.ratio() ? digits(*row.ratio()) : "";
  if (row.limit) {
    const std::string limit = plain(*row.limit) + (row.ratio() ? "" : " " + row.unit);
    text += (text.empty() ? "limit " : ", limit ") + limit;
  }
  return text;
}

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNoLimit:
      return "";
    case Verdict::kHeld:
      return "held";
    case Verdict::kMissed:
      return "MISSED";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "";
}

Cells cells(const Row& row) {
  return {row.what, figure(row.ours, row.unit), figure(row.baseline, row.unit), judged(row),
          row.skipped.empty() ? word(row.verdict()) : "skipped, missing: " + row.skipped};
}

}  // namespace

std::optional<double> Row::ratio() const {
  return ours && baseline ? std::optional(*ours / *baseline) : std::nullopt;
}

Verdict Row::verdict() const {
  if (!skipped.empty()) {
    return Verdict::kSkipped;
  }
  if (!limit) {
    return Verdict::kNoLimit;
  }
  const std::optional<double> measured = baseline ? ratio() : ours;
  // Written so that NaN and what is absent miss.
  return measured && *measured <= *limit ? Verdict::kHeld : Verdict::kMissed;
}

void Results::skip(std::string what, std::string why) {
  Row row;
  row.what = std::move(what);
  row.skipped = std::move(why);
  add(std::move(row));
}

void Results::note(std::string name, std::string value) {
  notes_.emplace_back(std::move(name), std::move(value));
}

bool Results::any_missed() const {
  return std::ranges::any_of(rows_,
                             [](const Row& row) { return row.verdict() == Verdict::kMissed; });
}

std::string Results::table() const {
  std::vector<Cells> lines{{"what", "ours", "baseline", "ratio or limit", "verdict"}};
  for (const Row& row : rows_) {
    lines.push_back(cells(row));
  }
  std::array<std::size_t, std::tuple_size_v<Cells>> widths{};
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  std::string text;
  for (const auto& [name, value] : notes_) {
    text.append(name).append(": ").append(value).append("\n");
  }
  text += '\n';
  for (std::size_t number = 0; number < lines.size(); ++number) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string padding(widths[i] - lines[number][i].size(), ' ');
      const bool right = i == 1 || i == 2;
      line += (right ? padding + lines[number][i] : lines[number][i] + padding) + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text.append(line).append("\n");
    if (number == 0) {
      text.append(line.size(), '-').append("\n");
    }
  }
  return text;
}

nlohmann::json Results::json() const {
  nlohmann::json notes = nlohmann::json::object();
  for (const auto& [name, value] : notes_) {
    notes[name] = value;
  }
  nlohmann::json rows = nlohmann::json::array();
  for (const Row& row : rows_) {
    nlohmann::json entry{{"what", row.what}, {"unit", row.unit}};
    const auto put = [&entry](const char* key, const std::optional<double>& value) {
      if (value) {
        entry[key] = *value;
      }
    };
    put("ours", row.ours);
    put("baseline", row.baseline);
    put("ratio", row.ratio());
    put("limit", row.limit);
    if (row.verdict() != Verdict::kNoLimit) {
      entry["verdict"] = word(row.verdict());
    }
    if (!row.skipped.empty()) {
      entry["missing"] = row.skipped;
    }
    rows.push_back(std::move(entry));
  }
  return {{"notes", notes}, {"rows", rows}};
}

}  // namespace kvmtsc::bench
