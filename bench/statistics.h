// Measurements: repeated measurements of one thing, and what is said of them. Plain values.
#pragma once

#include <cstddef>
#include <vector>

namespace kvmtsc::bench {

class Measurements {
 public:
  void add(double value) { values_.push_back(value); }

  std::size_t count() const { return values_.size(); }

  // The smallest value that at least the fraction `q` of all values does not exceed (nearest rank);
  // 0 < q <= 1. Only while count() > 0.
  double quantile(double q) const;
  double median() const { return quantile(0.5); }
  double p99() const { return quantile(0.99); }

 private:
  std::vector<double> values_;
};

}  // namespace kvmtsc::bench
