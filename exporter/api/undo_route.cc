#include "exporter/api/undo_route.h"

#include <utility>

#include "corrections/correction_json.h"
#include "exporter/api/acceptance.h"
#include "exporter/api/goal_fields.h"
#include "exporter/api/order.h"
#include "exporter/api/problems.h"
#include "exporter/api/vm_lookup.h"
#include "tsc/plan_objections.h"

namespace kvmtsc {

using http::Request;
using http::Response;

namespace {

// The VM as it is called now, which after a restart may be otherwise; else as it was then.
VmState subject_of(const ApiSources& sources, const PastCorrection& past) {
  const SnapshotPtr snapshot = sources.latest();
  if (const VmState* const vm = find_vm(snapshot.get(), past.key)) {
    return *vm;
  }
  VmState vm;
  vm.label = past.vm.label;
  vm.identity.uuid = past.vm.uuid;
  return vm;
}

}  // namespace

Response undo_correction(const ApiSources& sources, const Request& request,
                         const std::optional<RequestMark>& mark) {
  if (auto refusal = not_an_operator(request)) {
    return *std::move(refusal);
  }
  auto fields = Fields::parse(request.body.empty() ? "{}" : request.body);
  if (!fields) {
    return problem_response(fields.error());
  }
  const auto allowed = take_allowed(*fields);
  const auto reason = take_reason(*fields);
  if (const auto finished = fields->finish(); !finished) {
    return problem_response(finished.error());
  }
  const std::string id = request.parameter("id");
  if (const auto past = sources.corrections->find_past(id);
      past && !in_scope(request.principal.scope, subject_of(sources, *past))) {
    const Error error{ErrorKind::kPermission,
                      request.principal.name + " may not act on the VM of correction " + id,
                      {}};
    sources.corrections->refuse(past->vm, requester_of(request), error);
    return problem_response(error);
  }
  const auto undone = sources.corrections->undo(id, allowed, reason, requester_of(request), mark);
  if (undone) {
    return accepted_response(*undone);
  }
  Json more = Json::object();
  if (undone.error().kind == ErrorKind::kRefused) {
    if (const auto planned = sources.corrections->preview_undo(id)) {
      more["objections"] = to_json(standing_objections(planned->plan, allowed));
    }
  }
  return problem_response(undone.error(), more);
}

}  // namespace kvmtsc
