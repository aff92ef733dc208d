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

// Whether the asker may act on that VM. Of one that is not there any more the kind is not known;
// but then there is nothing to act on either.
bool may_undo(const http::Scope& scope, const PastCorrection& past, const VmState* vm) {
  return vm != nullptr ? in_scope(scope, *vm) : scope_names(scope, past.vm.label, past.vm.uuid);
}

// For the audit.
nlohmann::json asked(const Fields& fields, const std::string& id) {
  nlohmann::json body = fields.all();
  body["undo_of"] = id;
  return body;
}

// Why nothing can be undone of a VM that is not in the snapshot.
Response absent(const ApiSources& sources, const Snapshot& snapshot, const Request& request,
                const PastCorrection& past, const Fields& fields) {
  if (vms_known(snapshot) != VmsKnown::kAll) {
    return vms_unknown("it is not known whether VM \"" + past.vm.label + "\" is there", snapshot);
  }
  const Error error{ErrorKind::kGone, past.vm.label + ": the VM is not there any more", {}};
  sources.corrections->refuse(past.vm, requester_of(request), error, asked(fields, past.id));
  return problem_response(error);
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
  const SnapshotPtr snapshot = sources.latest();
  if (!snapshot) {
    return not_ready();
  }
  if (const auto past = sources.corrections->find_past(id)) {
    // As it is called now, which after a restart may be otherwise.
    const VmState* const vm = find_vm(snapshot.get(), past->key);
    if (!may_undo(request.principal.scope, *past, vm)) {
      const Error error{ErrorKind::kPermission,
                        request.principal.name + " may not act on the VM of correction " + id,
                        {}};
      sources.corrections->refuse(past->vm, requester_of(request), error, asked(*fields, id));
      return problem_response(error);
    }
    if (vm == nullptr) {
      return absent(sources, *snapshot, request, *past, *fields);
    }
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
