#include "exporter/api/goal_fields.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

#include "base/join.h"
#include "base/nearest.h"
#include "base/utf8.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kLongestReason = 1000;

std::optional<VcpuId> vcpu_id(Fields& fields) {
  const auto id = fields.natural("vcpu");
  if (id && *id > std::numeric_limits<VcpuId>::max()) {
    fields.wrong("\"vcpu\" is larger than any vCPU's number");
    return std::nullopt;
  }
  return id ? std::optional{static_cast<VcpuId>(*id)} : std::nullopt;
}

std::int64_t required_offset(Fields& fields) {
  const auto offset = fields.integer("offset");
  if (!offset) {
    fields.wrong("\"offset\" is missing");
  }
  return offset.value_or(0);
}

AlignGoal take_align(Fields& fields) {
  const std::string to = fields.text("to").value_or("most_advanced");
  if (to != "most_advanced" && to != "reference") {
    fields.wrong("\"to\" must be most_advanced or reference");
  }
  return {to == "reference" ? AlignGoal::To::kReference : AlignGoal::To::kMostAdvanced};
}

SetGoal take_set(Fields& fields) {
  SetGoal goal;
  goal.vcpu = vcpu_id(fields);
  goal.offset = required_offset(fields);
  return goal;
}

ShiftGoal take_shift(Fields& fields) {
  ShiftGoal goal;
  goal.ticks = fields.integer("ticks");
  if (const auto time = fields.integer("nanoseconds")) {
    goal.time = Nanoseconds{*time};
  }
  if (goal.ticks.has_value() == goal.time.has_value()) {
    fields.wrong("a shift has either \"ticks\" or \"nanoseconds\"");
  }
  return goal;
}

RestoreGoal take_restore(Fields& fields) {
  RestoreGoal goal;
  goal.bound_ticks = fields.natural("bound_ticks").value_or(0);
  auto offsets = fields.objects("offsets");
  if (!offsets || offsets->empty()) {
    fields.wrong("\"offsets\" must be a list of every vCPU and its offset");
    return goal;
  }
  for (Fields& one : *offsets) {
    const auto id = vcpu_id(one);
    if (!id) {
      one.wrong("\"vcpu\" is missing");
    }
    goal.vcpus.push_back({id.value_or(0), required_offset(one)});
    if (const auto finished = one.finish(); !finished) {
      fields.wrong("\"offsets\": " + finished.error().message);
    }
  }
  return goal;
}

}  // namespace

std::optional<CorrectionGoal> take_goal(Fields& fields) {
  const auto word = fields.text("goal");
  if (!word) {
    return std::nullopt;
  }
  if (*word == "align") {
    return take_align(fields);
  }
  if (*word == "set") {
    return take_set(fields);
  }
  if (*word == "shift") {
    return take_shift(fields);
  }
  if (*word == "restore") {
    return take_restore(fields);
  }
  fields.wrong("\"goal\" must be align, set, shift or restore");
  return std::nullopt;
}

namespace {

std::string no_such_objection(const std::string& name) {
  std::vector<std::string_view> names;
  std::ranges::transform(kEveryObjection, std::back_inserter(names), objection_name);
  const auto near = nearest(name, names);
  return "\"allow\": there is no objection \"" + name + "\"" +
         (near ? "; did you mean " + std::string(*near) + "?" : "; there are " + join(names, ", "));
}

}  // namespace

std::set<Objection> take_allowed(Fields& fields) {
  std::set<Objection> allowed;
  for (const std::string& name : fields.texts("allow").value_or(std::vector<std::string>{})) {
    if (const auto objection = parse_objection(name)) {
      allowed.insert(*objection);
    } else {
      fields.wrong(no_such_objection(name));
    }
  }
  return allowed;
}

std::string take_reason(Fields& fields) {
  const std::string reason = fields.text("reason").value_or("");
  if (reason.size() > kLongestReason) {
    fields.wrong("\"reason\" has at most 1000 bytes");
  }
  return to_valid_utf8(reason, kLongestReason);
}

}  // namespace kvmtsc
