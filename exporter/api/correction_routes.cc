#include "exporter/api/correction_routes.h"

#include <algorithm>
#include <memory>

#include "base/parse.h"
#include "corrections/correction_json.h"
#include "exporter/api/acceptance.h"
#include "exporter/api/goal_fields.h"
#include "exporter/api/idempotency.h"
#include "exporter/api/order.h"
#include "exporter/api/problems.h"
#include "exporter/api/undo_route.h"
#include "tsc/plan_objections.h"

namespace kvmtsc {
namespace {

using http::Request;
using http::Response;

class CorrectionRoutes {
 public:
  explicit CorrectionRoutes(const ApiSources& sources)
      : sources_(sources), idempotency_(*sources.clock) {
    recall_accepted(*sources_.journal, idempotency_);
  }

  Response plan(const Request& request) {
    return with_order(sources_, request, [&](Order& order) {
      const auto goal = take_goal(order.fields);
      if (const auto finished = order.fields.finish(); !finished) {
        return problem_response(finished.error());
      }
      if (!goal) {
        return problem_response(goal_missing());
      }
      const auto planned = sources_.corrections->plan(order.vm->key, *goal, order.requester);
      return planned ? json_response(201, to_json(*planned))
                     : refused(sources_, order, planned.error());
    });
  }

  Response correct(const Request& request) {
    return idempotency_.answer(request, [&](const auto& mark) {
      return with_order(sources_, request, [&](Order& order) {
        order.mark = mark;
        return correct(order);
      });
    });
  }

  Response set_offset(const Request& request) {
    return idempotency_.answer(request, [&](const auto& mark) {
      return with_order(sources_, request, [&](Order& order) {
        order.mark = mark;
        return set_offset(order);
      });
    });
  }

  Response undo(const Request& request) {
    return idempotency_.answer(
        request, [&](const auto& mark) { return undo_correction(sources_, request, mark); });
  }

 private:
  static Error goal_missing() {
    return Error{ErrorKind::kInvalid, "\"goal\" is missing", R"(for instance {"goal":"align"})"};
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
      return dry_run ? problem_response(others) : refused(sources_, order, others);
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
      return refused(sources_, order, planned.error());
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
      return refused(sources_, order, planned.error());
    }
    const auto vcpu = std::ranges::find(planned->plan.vcpus, *id, &PlannedVcpu::id);
    if (expected && vcpu->now != *expected) {
      return refused(
          sources_, order,
          Error{ErrorKind::kConflict,
                "the offset is " + std::to_string(vcpu->now) + ", not " + std::to_string(*expected),
                "look at the VM again"});
    }
    return request_correction(order, planned->id, allowed, reason);
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
