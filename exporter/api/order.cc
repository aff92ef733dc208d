#include "exporter/api/order.h"

#include <utility>

#include "exporter/api/vm_lookup.h"

namespace kvmtsc {

using http::Request;
using http::Response;

Requester requester_of(const Request& request) {
  return {request.principal.name, request.peer};
}

Response with_order(const ApiSources& sources, const Request& request,
                    const std::function<Response(Order&)>& handle) {
  if (auto refusal = not_an_operator(request)) {
    return *std::move(refusal);
  }
  auto fields = Fields::parse(request.body);
  if (!fields) {
    return problem_response(fields.error());
  }
  const SnapshotPtr snapshot = sources.latest();
  if (!snapshot) {
    return not_ready();
  }
  const std::string name = request.parameter("vm");
  const auto found = find_vms(*snapshot, name);
  if (found.size() != 1) {
    return vm_problem(*snapshot, name, found);
  }
  Order order{&request, snapshot, found.front(), *std::move(fields), requester_of(request)};
  if (!in_scope(request.principal.scope, *order.vm)) {
    return refused(sources, order,
                   Error{ErrorKind::kPermission, request.principal.name + " may not act on " + name,
                         "its list of VMs in the web configuration does not name it"});
  }
  return handle(order);
}

Response refused(const ApiSources& sources, const Order& order, const Error& error,
                 const Json& more) {
  const VmState& vm = *order.vm;
  sources.corrections->refuse({vm.label, vm.identity.uuid, vm.identity.pid}, order.requester, error,
                              order.fields.all());
  return problem_response(error, more);
}

}  // namespace kvmtsc
