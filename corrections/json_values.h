// What JSON objects of several layers are put together from: what is not known is null, times are
// seconds. Pure.
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.h"

namespace kvmtsc {

template <typename T, typename Convert>
nlohmann::ordered_json or_null(const std::optional<T>& value, Convert convert) {
  return value ? nlohmann::ordered_json(convert(*value)) : nlohmann::ordered_json(nullptr);
}

template <typename T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return or_null(value, [](const T& known) { return known; });
}

inline double in_seconds(Nanoseconds time) {
  return static_cast<double>(time.count()) / 1e9;
}

}  // namespace kvmtsc
