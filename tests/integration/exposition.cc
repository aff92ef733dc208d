#include "tests/integration/exposition.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/parse.h"

namespace kvmtsc::integration {
namespace {

// Takes text from the front of a line.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool take(char expected) {
    if (rest_.empty() || rest_.front() != expected) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view take_until(std::string_view stops) {
    const std::string_view taken = rest_.substr(0, rest_.find_first_of(stops));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // The text up to the closing quotation mark, with \\, \" and \n undone.
  std::optional<std::string> take_quoted() {
    std::string value;
    if (!take('"')) {
      return std::nullopt;
    }
    while (!rest_.empty() && rest_.front() != '"') {
      const bool escaped = take('\\');
      if (rest_.empty()) {
        break;
      }
      value += escaped && rest_.front() == 'n' ? '\n' : rest_.front();
      rest_.remove_prefix(1);
    }
    if (!take('"')) {
      return std::nullopt;
    }
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<Labels> take_labels(Cursor& cursor) {
  Labels labels;
  while (!cursor.take('}')) {
    const std::string name(cursor.take_until("="));
    if (!cursor.take('=')) {
      return std::nullopt;
    }
    auto value = cursor.take_quoted();
    if (!value) {
      return std::nullopt;
    }
    labels[name] = std::move(*value);
    cursor.take(',');
  }
  return labels;
}

std::optional<Sample> parse_sample(std::string_view line) {
  Cursor cursor(line);
  Sample sample;
  sample.name = cursor.take_until("{ ");
  if (cursor.take('{')) {
    auto labels = take_labels(cursor);
    if (!labels) {
      return std::nullopt;
    }
    sample.labels = std::move(*labels);
  }
  if (!cursor.take(' ')) {
    return std::nullopt;
  }
  sample.value = cursor.take_until(" ");
  if (sample.name.empty() || sample.value.empty()) {
    return std::nullopt;
  }
  return sample;
}

}  // namespace

double Sample::number() const {
  return std::strtod(value.c_str(), nullptr);
}

std::vector<Sample> Samples::find(std::string_view name, const Labels& labels) const {
  std::vector<Sample> found;
  for (const Sample& sample : all_) {
    const bool matches = std::all_of(labels.begin(), labels.end(), [&sample](const auto& label) {
      const auto at = sample.labels.find(label.first);
      return at != sample.labels.end() && at->second == label.second;
    });
    if (sample.name == name && matches) {
      found.push_back(sample);
    }
  }
  return found;
}

std::optional<double> Samples::value(std::string_view name, const Labels& labels) const {
  const auto found = find(name, labels);
  return found.size() == 1 ? std::optional(found[0].number()) : std::nullopt;
}

Result<Samples> parse_exposition(std::string_view text) {
  std::vector<Sample> samples;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    auto sample = parse_sample(line);
    if (!sample) {
      return Error{ErrorKind::kInvalid, "not a sample: " + std::string(line), ""};
    }
    samples.push_back(std::move(*sample));
  }
  return Samples(std::move(samples));
}

}  // namespace kvmtsc::integration
