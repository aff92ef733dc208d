#include "exporter/api/problems.h"

#include "base/nearest.h"
#include "corrections/correction_json.h"
#include "exporter/api/vm_lookup.h"

namespace kvmtsc {
namespace {

constexpr const char* kWaysToLogIn = "Bearer, Basic realm=\"kvm-tsc-exporter\"";

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
    case ErrorKind::kGone:
      return 404;
    case ErrorKind::kPermission:
      return 403;
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kUnsupported:
      return 501;
    case ErrorKind::kRefused:
    case ErrorKind::kExcluded:
      return 422;
    case ErrorKind::kTimeout:
      return 504;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kLimited:
      return 429;
    case ErrorKind::kIo:
      return 500;
  }
  return 500;
}

}  // namespace

http::Response json_text_response(int status, std::string json) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(json) + "\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

http::Response json_response(int status, const Json& json) {
  return json_text_response(status, dump(json));
}

http::Response problem_response(int status, const Error& error, const Json& more) {
  Json json{{"type", "about:blank"},
            {"title", http::reason_phrase(status)},
            {"status", status},
            {"detail", error.message}};
  if (!error.remedy.empty()) {
    json["remedy"] = error.remedy;
  }
  if (error.retry_after) {
    // Rounded up: a second too early would be refused again.
    json["retry_after_seconds"] =
        std::chrono::ceil<std::chrono::seconds>(*error.retry_after).count();
  }
  json.update(more);
  http::Response response = json_response(status, json);
  response.content_type = "application/problem+json";
  if (error.retry_after) {
    response.headers.emplace_back("Retry-After", json["retry_after_seconds"].dump());
  }
  return response;
}

http::Response problem_response(const Error& error, const Json& more) {
  return problem_response(status_of(error.kind), error, more);
}

Json source_problems(const Snapshot& snapshot) {
  Json problems = Json::array();
  for (const CollectorStatus* collector : blind_collectors(snapshot)) {
    Json problem{{"collector", collector->name}};
    problem.update(to_json(*collector->error));
    problems.push_back(problem);
  }
  return problems;
}

http::Response vms_unknown(const std::string& what, const Snapshot& snapshot) {
  Error error = *blind_collectors(snapshot).front()->error;
  error.message = what + ": " + error.message;
  return problem_response(503, error, {{"problems", source_problems(snapshot)}});
}

http::Response vm_problem(const Snapshot& snapshot, const std::string& name,
                          const std::vector<const VmState*>& found) {
  if (found.empty() && vms_known(snapshot) != VmsKnown::kAll) {
    return vms_unknown("it is not known whether there is a VM \"" + name + "\"", snapshot);
  }
  if (found.empty()) {
    std::vector<std::string_view> labels;
    for (const VmState& vm : snapshot.vms) {
      labels.push_back(vm.label);
    }
    Json more{{"code", "no_such_vm"}};
    if (const auto near = nearest(name, labels)) {
      more["did_you_mean"] = *near;
    }
    return problem_response(Error{ErrorKind::kNotFound, "there is no VM \"" + name + "\"",
                                  "GET /api/v1/vms lists those there are"},
                            more);
  }
  Json candidates = Json::array();
  for (const VmState* vm : found) {
    // A label that is another's uuid would be as ambiguous again.
    const bool settles = vm->label != name || process_name(*vm).empty();
    candidates.push_back(settles ? vm->label : process_name(*vm));
  }
  return problem_response(
      Error{ErrorKind::kConflict, "\"" + name + "\" fits several VMs", "name one of `candidates`"},
      {{"code", "ambiguous_vm"}, {"candidates", candidates}});
}

http::Response not_ready() {
  return problem_response(
      503, Error{ErrorKind::kTimeout, "the first sweep has not ended", "try again in a second"});
}

std::optional<http::Response> nobody_asks(const http::Request& request) {
  if (request.principal.role != http::Role::kNobody) {
    return std::nullopt;
  }
  http::Response response = problem_response(
      401, Error{ErrorKind::kPermission, "this takes a login",
                 "see docs/security.md: a token or a user, or root over the unix socket"});
  response.headers.emplace_back("WWW-Authenticate", kWaysToLogIn);
  return response;
}

std::optional<http::Response> not_an_operator(const http::Request& request) {
  if (request.principal.role == http::Role::kOperator) {
    return std::nullopt;
  }
  const bool nobody = request.principal.role == http::Role::kNobody;
  http::Response response = problem_response(
      nobody ? 401 : 403, Error{ErrorKind::kPermission, "this takes an operator",
                                "see docs/security.md: a token or a user with role operator, or "
                                "root over the unix socket"});
  if (nobody) {
    response.headers.emplace_back("WWW-Authenticate", kWaysToLogIn);
  }
  return response;
}

}  // namespace kvmtsc
