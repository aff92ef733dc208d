// A correction's goal, from the command line to the API's JSON.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace kvmtsc {

// At most one of these but `vcpu` is set; none means aligning.
struct GoalOptions {
  std::string align_to = {};
  std::string set_offset = {};  // with `vcpu` for one vCPU
  std::string shift_ticks = {};
  std::string shift_time = {};    // "5ms"
  std::string restore_file = {};  // JSON with every vCPU's offset; "-" for standard input
  std::optional<unsigned> vcpu = {};
};

// As the API takes it; an Error for a time or a file that is none.
Result<nlohmann::json> goal_json(const GoalOptions& options);

}  // namespace kvmtsc
