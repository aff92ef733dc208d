// Programs of others that judge expositions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"

namespace kvmtsc::integration {

// What `promtool check metrics` says of a text exposition; empty when it has no complaint.
std::string promtool_complaints(const std::string& text);

// For REQUIRE_PRESENT: Debian's Python and its prometheus_client.
std::optional<std::string> missing_openmetrics_parser();

// How many samples prometheus_client's strict parser reads from `text`; kInvalid with what it says
// when `text` is not OpenMetrics.
Result<std::size_t> count_openmetrics_samples(const std::string& text);

}  // namespace kvmtsc::integration
