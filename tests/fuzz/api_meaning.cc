#include "api_meaning.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/parse.h"
#include "invariant.h"

namespace kvmtsc::fuzz {
namespace {

// A whole number as the client wrote it, in its shortest form; empty for what is none.
std::string whole(const Json& value) {
  const std::string text = value.is_string()           ? value.get<std::string>()
                           : value.is_number_integer() ? value.dump()
                                                       : "";
  const std::string sign = text.starts_with('-') ? "-" : "";
  const std::string digits = text.substr(sign.size());
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) {
    return "";
  }
  const auto first = digits.find_first_not_of('0');
  return first == digits.npos ? "0" : sign + digits.substr(first);
}

void require_same_number(const Json& asked, const Json& planned, const char* what) {
  require(!whole(asked).empty() && whole(asked) == whole(planned), what,
          asked.dump() + " became " + planned.dump());
}

std::uint64_t ticks(const Json& digits) {
  require(digits.is_string(), "ticks are decimal strings", digits.dump());
  const auto number = parse_i64(digits.get<std::string>());
  require(number.has_value(), "ticks have 64 bits", digits.dump());
  return static_cast<std::uint64_t>(*number);
}

// The names that a body may have.
std::set<std::string> known_names(const std::string& path, const Json& body) {
  static const std::map<std::string, std::set<std::string>> kOfGoal{
      {"align", {"goal", "to"}},
      {"set", {"goal", "vcpu", "offset"}},
      {"shift", {"goal", "ticks", "nanoseconds"}},
      {"restore", {"goal", "bound_ticks", "offsets"}},
  };
  std::set<std::string> names;
  if (path.ends_with("/tsc-offset")) {
    names = {"offset", "expected"};
  } else if (body.contains("goal")) {
    names = kOfGoal.at(body["goal"].get<std::string>());
  }
  if (path.ends_with("/corrections")) {
    names.insert({"plan", "dry_run"});
  }
  if (!path.ends_with("/plans")) {
    names.insert({"allow", "reason"});
  }
  return names;
}

Json strictly_parsed(const std::string& text) {
  std::size_t names = 0;
  Json body = Json::parse(text, [&](int depth, Json::parse_event_t event, const Json&) {
    names += event == Json::parse_event_t::key && depth == 1 ? 1U : 0U;
    return true;
  });
  require(body.is_object() && body.size() == names, "each name occurs once", text);
  return body;
}

void check_goal(const Json& asked, const Json& planned) {
  for (const char* name : {"goal", "to", "vcpu"}) {
    require(!asked.contains(name) || asked[name] == planned[name] ||
                whole(asked[name]) == whole(planned[name]),
            "the goal is the one asked for", planned.dump());
  }
  for (const char* name : {"offset", "ticks", "nanoseconds", "bound_ticks"}) {
    if (asked.contains(name)) {
      require_same_number(asked[name], planned[name], name);
    }
  }
  if (asked.contains("offsets")) {
    require(asked["offsets"].size() == planned["offsets"].size(), "each vCPU is taken over");
    for (std::size_t i = 0; i < asked["offsets"].size(); ++i) {
      require(asked["offsets"][i].size() == 2, "a vCPU has an offset and nothing else");
      for (const char* name : {"vcpu", "offset"}) {
        require_same_number(asked["offsets"][i][name], planned["offsets"][i][name], name);
      }
    }
  }
}

// The plan does what its goal says, modulo 2^64.
void check_plan(const Json& plan) {
  const Json& goal = plan["goal"];
  for (const Json& vcpu : plan["vcpus"]) {
    const std::uint64_t jump = ticks(vcpu["jump_ticks"]);
    require(ticks(vcpu["now"]) + jump == ticks(vcpu["then"]), "a jump leads from now to then",
            vcpu.dump());
    if (goal["goal"] == "set") {
      const bool meant = !goal.contains("vcpu") || goal["vcpu"] == vcpu["id"];
      require(ticks(vcpu["then"]) == ticks(meant ? goal["offset"] : vcpu["now"]),
              "the offset is set where it was asked for", plan.dump());
    } else if (goal["goal"] == "shift" && goal.contains("ticks")) {
      require(jump == ticks(goal["ticks"]), "all are shifted by as much", plan.dump());
    } else if (goal["goal"] == "align") {
      require(goal["to"] == "reference" || static_cast<std::int64_t>(jump) >= 0,
              "none goes back to the most advanced", plan.dump());
    }
  }
}

const VmState* vm_of(const std::string& label, const Snapshot& snapshot) {
  const auto found = std::ranges::find(snapshot.vms, label, &VmState::label);
  return found == snapshot.vms.end() ? nullptr : &*found;
}

void check_whose(const http::Request& request, const std::string& label, const Snapshot& snapshot) {
  const http::Principal& who = request.principal;
  require(who.role == http::Role::kOperator, "only operators change anything", request.path);
  const VmState* const vm = vm_of(label, snapshot);
  const std::string uuid = vm == nullptr ? "" : vm->identity.uuid;
  require(who.scope.names.empty() ||
              std::ranges::find(who.scope.names, label) != who.scope.names.end() ||
              std::ranges::find(who.scope.names, uuid) != who.scope.names.end(),
          "only within their scope", label);
  const auto pieces = split(request.path, '/');  // "", "api", "v1", "vms", the VM, ...
  if (pieces[3] == "vms") {
    require(vm != nullptr, "there is such a VM", label);
    require(pieces[4] == label || pieces[4] == uuid ||
                pieces[4] == std::to_string(vm->identity.pid) + "-" + std::to_string(vm->key.fd),
            "the answer is about the VM of the path", label + " for " + request.path);
  }
}

}  // namespace

void check_meaning(const http::Request& request, const Json& answer, const Snapshot& snapshot) {
  const Json body = request.body.empty() ? Json::object() : strictly_parsed(request.body);
  const std::set<std::string> known = known_names(request.path, body);
  for (const auto& [name, value] : body.items()) {
    require(known.contains(name), "a field that is not known is an error", name);
  }
  check_whose(request, answer.at("vm"), snapshot);
  const Json& plan = answer.contains("plan") ? answer["plan"] : answer;
  check_plan(plan);
  if (body.contains("goal")) {
    check_goal(body, plan["goal"]);
  }
  if (request.path.ends_with("/tsc-offset")) {
    const std::string id(split(request.path, '/')[6]);
    require_same_number(body.at("offset"), plan["goal"]["offset"], "the offset is that asked for");
    require_same_number(id, plan["goal"]["vcpu"].dump(), "the vCPU is that of the path");
    for (const Json& vcpu : plan["vcpus"]) {
      require(!body.contains("expected") || vcpu["id"].dump() != whole(id) ||
                  whole(body["expected"]) == whole(vcpu["now"]),
              "nothing is written over another offset", plan.dump());
    }
  }
}

}  // namespace kvmtsc::fuzz
