#include "exporter/api/correction_routes.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "base/parse.h"
#include "corrections/correction_json.h"
#include "exporter/api/goal_fields.h"
#include "exporter/api/idempotency.h"
#include "exporter/api/problems.h"
#include "exporter/api/vm_lookup.h"

namespace kvmtsc {
namespace {

using http::Request;
using http::Response;

// Of these the requests are known again after a restart.
constexpr std::size_t kRecalled = 500;

// A request that may change something, once it is known what of: the VM and its body's fields.
struct Order {
  const Request* request = nullptr;
  SnapshotPtr snapshot;  // keeps `vm` alive
  const VmState* vm = nullptr;
  Fields fields;
  Requester requester;
  std::optional<RequestMark> mark = {};
};

Requester requester_of(const Request& request) {
  return {request.principal.name, request.peer};
}

class CorrectionRoutes {
 public:
  explicit CorrectionRoutes(const ApiSources& sources)
      : sources_(sources), idempotency_(*sources.clock) {
    recall_accepted();
  }

  Response plan(const Request& request) {
    return with_vm(request, [&](Order& order) {
      const auto goal = take_goal(order.fields);
      if (const auto finished = order.fields.finish(); !finished) {
        return problem_response(finished.error());
      }
      if (!goal) {
        return problem_response(goal_missing());
      }
      const auto planned = sources_.corrections->plan(order.vm->key, *goal, order.requester);
      return planned ? json_response(201, to_json(*planned)) : refused(order, planned.error());
    });
  }

  Response correct(const Request& request) {
    return idempotency_.answer(request, [&](const auto& mark) {
      return with_vm(request, [&](Order& order) {
        order.mark = mark;
        return correct(order);
      });
    });
  }

  Response set_offset(const Request& request) {
    return idempotency_.answer(request, [&](const auto& mark) {
      return with_vm(request, [&](Order& order) {
        order.mark = mark;
        return set_offset(order);
      });
    });
  }

  Response undo(const Request& request) {
    return idempotency_.answer(request, [&](const auto& mark) { return undo_now(request, mark); });
  }

 private:
  static Error goal_missing() {
    return Error{ErrorKind::kInvalid, "\"goal\" is missing", R"(for instance {"goal":"align"})"};
  }

  template <typename Handle>
  Response with_vm(const Request& request, Handle handle) {
    if (auto refusal = not_an_operator(request)) {
      return *std::move(refusal);
    }
    auto fields = Fields::parse(request.body);
    if (!fields) {
      return problem_response(fields.error());
    }
    const SnapshotPtr snapshot = sources_.latest();
    if (!snapshot) {
      return not_ready();
    }
    const std::string name = request.parameter("vm");
    const auto found = find_vms(*snapshot, name);
    if (found.size() != 1) {
      return vm_problem(name, found);
    }
    Order order{&request, snapshot, found.front(), *std::move(fields), requester_of(request)};
    if (!in_scope(request.principal.scope, *order.vm)) {
      return refused(order, Error{ErrorKind::kPermission,
                                  request.principal.name + " may not act on " + order.vm->label,
                                  "its list of VMs in the web configuration does not name it"});
    }
    return handle(order);
  }

  // Also for what never came to the CorrectionService, so that the audit has it.
  Response refused(const Order& order, const Error& error, const Json& more = Json::object()) {
    const VmState& vm = *order.vm;
    sources_.corrections->refuse({vm.label, vm.identity.uuid, vm.identity.pid}, order.requester,
                                 error);
    return problem_response(error, more);
  }

  Response correct(Order& order) {
    auto goal = take_goal(order.fields);
    const auto plan_id = order.fields.text("plan");
    const bool dry_run = order.fields.boolean("dry_run").value_or(false);
    const auto allowed = take_allowed(order.fields);
    const auto reason = take_reason(order.fields);
    if (goal.has_value() == plan_id.has_value()) {
      order.fields.wrong("a correction has either a \"plan\" or a \"goal\"");
    }
    if (const auto finished = order.fields.finish(); !finished) {
      return problem_response(finished.error());
    }
    const auto planned = plan_id ? sources_.corrections->find_plan(*plan_id) : std::nullopt;
    if (planned && planned->plan.vm != order.vm->key) {
      const Error others{ErrorKind::kConflict,
                         "plan " + *plan_id + " is of another VM, not of " + order.vm->label,
                         {}};
      return dry_run ? problem_response(others) : refused(order, others);
    }
    if (dry_run) {
      return preview(order, planned, goal);
    }
    if (plan_id) {
      return request_correction(order, *plan_id, allowed, reason);
    }
    return plan_and_request(order, *goal, allowed, reason);
  }

  // Of a plan that was found, or of a goal.
  Response preview(const Order& order, const std::optional<PlanRecord>& planned,
                   const std::optional<CorrectionGoal>& goal) {
    if (!goal) {
      return planned ? json_response(200, to_json(*planned))
                     : problem_response(Error{ErrorKind::kNotFound,
                                              "there is no such plan, or it has expired",
                                              "make a new plan"});
    }
    const auto previewed = sources_.corrections->preview(order.vm->key, *goal);
    return previewed ? json_response(200, to_json(*previewed))
                     : problem_response(previewed.error());
  }

  Response plan_and_request(const Order& order, const CorrectionGoal& goal,
                            const std::set<Objection>& allowed, const std::string& reason) {
    const auto planned = sources_.corrections->plan(order.vm->key, goal, order.requester);
    if (!planned) {
      return refused(order, planned.error());
    }
    return request_correction(order, planned->id, allowed, reason);
  }

  Response request_correction(const Order& order, const std::string& plan_id,
                              const std::set<Objection>& allowed, const std::string& reason) {
    const auto accepted =
        sources_.corrections->request({plan_id, allowed, reason, order.requester, order.mark});
    if (accepted) {
      return accepted_response(*accepted);
    }
    Json more = Json::object();
    Error error = accepted.error();
    const auto planned = sources_.corrections->find_plan(plan_id);
    if (error.kind == ErrorKind::kRefused && planned) {
      const auto now = sources_.corrections->preview(planned->plan.vm, planned->plan.goal);
      more["objections"] = to_json(standing_objections(now ? now->plan : planned->plan, allowed));
      more["plan"] = plan_id;
    }
    if (error.kind == ErrorKind::kConflict && planned) {
      if (const auto anew = planned_anew(*planned, order.requester)) {
        more["plan"] = *anew;
        error.remedy = "look at the new plan " + *anew;
      }
    }
    return problem_response(error, more);
  }

  // The id of a new plan with the same goal, if the offsets are no longer those the old one saw.
  std::optional<std::string> planned_anew(const PlanRecord& planned, const Requester& requester) {
    const auto now = sources_.corrections->preview(planned.plan.vm, planned.plan.goal);
    if (!now || same_offsets(now->plan, planned.plan)) {
      return std::nullopt;
    }
    const auto anew = sources_.corrections->plan(planned.plan.vm, planned.plan.goal, requester);
    return anew ? std::optional{anew->id} : std::nullopt;
  }

  static Response accepted_response(const std::string& id, std::string json) {
    Response response = json_text_response(202, std::move(json));
    response.headers.emplace_back("Location", "/api/v1/corrections/" + id);
    return response;
  }
  static Response accepted_response(const Correction& correction) {
    return accepted_response(correction.id, dump(to_json(correction)));
  }

  // Should the journal fail now, requests will be refused for it anyway.
  void recall_accepted() {
    const auto rows = sources_.journal->corrections(kRecalled, "");
    if (!rows) {
      return;
    }
    for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
      const auto past = parse_past(row->json);
      if (past && past->mark) {
        idempotency_.recall(past->who, *past->mark, accepted_response(row->id, row->json));
      }
    }
  }

  Response set_offset(Order& order) {
    const std::string word = order.request->parameter("id");
    const auto id = parse_u32(trim(word) == word ? word : "");
    const auto offset = order.fields.integer("offset");
    const auto expected = order.fields.integer("expected");
    const auto allowed = take_allowed(order.fields);
    const auto reason = take_reason(order.fields);
    if (!offset) {
      order.fields.wrong("\"offset\" is missing");
    }
    if (const auto finished = order.fields.finish(); !finished) {
      return problem_response(finished.error());
    }
    const auto planned =
        id ? sources_.corrections->plan(order.vm->key, SetGoal{*id, *offset}, order.requester)
           : Result<PlanRecord>(Error{ErrorKind::kNotFound, "the VM has no vCPU " + word, {}});
    if (!planned) {
      return refused(order, planned.error());
    }
    const auto vcpu = std::ranges::find(planned->plan.vcpus, *id, &PlannedVcpu::id);
    if (expected && vcpu->now != *expected) {
      return refused(order, Error{ErrorKind::kConflict,
                                  "the offset is " + std::to_string(vcpu->now) + ", not " +
                                      std::to_string(*expected),
                                  "look at the VM again"});
    }
    return request_correction(order, planned->id, allowed, reason);
  }

  // The VM as it is called now, which after a restart may be otherwise; else as it was then.
  VmState subject_of(const PastCorrection& past) const {
    const SnapshotPtr snapshot = sources_.latest();
    if (const VmState* const vm = find_vm(snapshot.get(), past.key)) {
      return *vm;
    }
    VmState vm;
    vm.label = past.vm.label;
    vm.identity.uuid = past.vm.uuid;
    return vm;
  }

  Response undo_now(const Request& request, const std::optional<RequestMark>& mark) {
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
    if (const auto past = sources_.corrections->find_past(id);
        past && !in_scope(request.principal.scope, subject_of(*past))) {
      const Error error{
          ErrorKind::kPermission, request.principal.name + " may not act on " + past->vm.label, {}};
      sources_.corrections->refuse(past->vm, requester_of(request), error);
      return problem_response(error);
    }
    const auto undone =
        sources_.corrections->undo(id, allowed, reason, requester_of(request), mark);
    if (undone) {
      return accepted_response(*undone);
    }
    Json more = Json::object();
    if (undone.error().kind == ErrorKind::kRefused) {
      if (const auto planned = sources_.corrections->preview_undo(id)) {
        more["objections"] = to_json(standing_objections(planned->plan, allowed));
      }
    }
    return problem_response(undone.error(), more);
  }

  ApiSources sources_;
  Idempotency idempotency_;
};

}  // namespace

void add_correction_routes(http::Router& router, const ApiSources& sources) {
  const auto routes = std::make_shared<CorrectionRoutes>(sources);
  const auto add = [&](const char* method, const char* path,
                       Response (CorrectionRoutes::*handler)(const Request&)) {
    router.add(method, path,
               [routes, handler](const Request& request) { return ((*routes).*handler)(request); });
  };
  add("POST", "/api/v1/vms/{vm}/plans", &CorrectionRoutes::plan);
  add("POST", "/api/v1/vms/{vm}/corrections", &CorrectionRoutes::correct);
  add("PUT", "/api/v1/vms/{vm}/vcpus/{id}/tsc-offset", &CorrectionRoutes::set_offset);
  add("POST", "/api/v1/corrections/{id}/undo", &CorrectionRoutes::undo);
}

}  // namespace kvmtsc
