// Reads the samples out of a text or OpenMetrics exposition, for assertions about them. Lenient:
// whether the format is right is promtool's and the OpenMetrics parser's to say.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kvmtsc::integration {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;      // unescaped
  std::string value;  // as written

  double number() const;
};

class Samples {
 public:
  explicit Samples(std::vector<Sample> all) : all_(std::move(all)) {}

  // Those of that name whose labels include `labels`, in the order of the exposition.
  std::vector<Sample> find(std::string_view name, const Labels& labels = {}) const;

  // The value of the only such sample; absent if there is none or more than one.
  std::optional<double> value(std::string_view name, const Labels& labels = {}) const;

  const std::vector<Sample>& all() const { return all_; }

 private:
  std::vector<Sample> all_;
};

// kInvalid names the first line that is no sample and no comment.
Result<Samples> parse_exposition(std::string_view text);

}  // namespace kvmtsc::integration
