#include "base/nearest.h"

#include <algorithm>
#include <string>
#include <vector>

namespace kvmtsc {
namespace {

constexpr std::size_t kLongestWord = 64;  // keeps the distance cheap for hostile input

// Optimal string alignment distance, with three rows of its table.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::optional<std::string_view> only_one_ending_in(std::string_view word,
                                                   std::span<const std::string_view> candidates) {
  const std::string ending = "." + std::string(word);
  std::optional<std::string_view> found;
  for (const std::string_view candidate : candidates) {
    if (candidate.ends_with(ending)) {
      if (found) {
        return std::nullopt;
      }
      found = candidate;
    }
  }
  return found;
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kLongestWord) {
    return std::nullopt;
  }
  std::optional<std::string_view> best;
  std::size_t best_distance = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t edits = distance(word, candidate);
    if (edits < best_distance && edits < candidate.size()) {
      best = candidate;
      best_distance = edits;
    }
  }
  return best ? best : only_one_ending_in(word, candidates);
}

}  // namespace kvmtsc
