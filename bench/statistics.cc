#include "bench/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace kvmtsc::bench {

double Measurements::quantile(double q) const {
  assert(!values_.empty() && q > 0 && q <= 1);
  std::vector<double> values = values_;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::ranges::nth_element(values, at);
  return *at;
}

}  // namespace kvmtsc::bench
