// FamilyBuilder: collects the samples of one metric family.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace kvmtsc {

using LabelList = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class FamilyBuilder {
 public:
  FamilyBuilder(std::string name, std::string help, prometheus::MetricType type);

  // `value` as the family's type has it: a gauge's, or a counter's total.
  void add(LabelList labels, double value);

  // Moves the family to the end of `families`, unless it has no samples.
  void append_to(std::vector<prometheus::MetricFamily>& families);

 private:
  prometheus::MetricFamily family_;
};

FamilyBuilder gauge(std::string name, std::string help);
// `name` ends in "_total".
FamilyBuilder counter(std::string name, std::string help);

}  // namespace kvmtsc
