#include "exporter/api/api.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/parse.h"
#include "base/rfc3339.h"
#include "corrections/correction_json.h"
#include "corrections/json_values.h"
#include "exporter/api/correction_routes.h"
#include "exporter/api/openapi.h"
#include "exporter/api/problems.h"
#include "exporter/api/seen.h"
#include "exporter/api/vm_json.h"
#include "exporter/api/vm_lookup.h"

namespace kvmtsc {
namespace {

using http::Request;
using http::Response;

constexpr std::size_t kDefaultLimit = 100;
constexpr std::size_t kMostEvents = 1000;

Response vms(const Snapshot& snapshot) {
  // That there are none is an answer only where all could be listed.
  if (snapshot.vms.empty() && vms_known(snapshot) != VmsKnown::kAll) {
    return vms_unknown("it is not known whether any VM is running", snapshot);
  }
  Json list = Json::array();
  for (const VmState& vm : snapshot.vms) {
    list.push_back(summary_json(vm));
  }
  return json_response(200, {{"sequence", std::to_string(snapshot.sequence)},
                             {"taken", rfc3339(snapshot.taken_real)},
                             {"complete", vms_known(snapshot) == VmsKnown::kAll},
                             {"problems", source_problems(snapshot)},
                             {"vms", list}});
}

Response vm(const Snapshot& snapshot, const std::string& name) {
  const auto found = find_vms(snapshot, name);
  if (found.size() != 1) {
    return vm_problem(snapshot, name, found);
  }
  return json_response(200, details_json(*found.front(), snapshot));
}

// The query's limit; absent when it is no number.
std::optional<std::size_t> limit_of(const Request& request) {
  const auto text = request.query_value("limit");
  if (!text) {
    return kDefaultLimit;
  }
  const auto number = parse_u32(*text);
  return number ? std::optional{std::min<std::size_t>(*number, kMostEvents)} : std::nullopt;
}

Response bad_query(const char* name) {
  return problem_response(Error{
      ErrorKind::kInvalid, "the query's \"" + std::string(name) + "\" is not a whole number", {}});
}

// A filter that cannot be read must not be taken for none.
Response unsound_query() {
  return problem_response(
      Error{ErrorKind::kInvalid, "the query is not in valid percent-encoding", {}});
}

// The label of the VM that the query names in whichever way; what fits none may be one that has
// ended.
std::string label_of(const ApiSources& sources, const Request& request) {
  const std::string name = request.query_value("vm").value_or("");
  const SnapshotPtr snapshot = sources.latest();
  const auto found = snapshot ? find_vms(*snapshot, name) : std::vector<const VmState*>{};
  return found.size() == 1 ? found.front()->label : name;
}

Response corrections(const ApiSources& sources, const Request& request) {
  if (!request.query_is_sound()) {
    return unsound_query();
  }
  const auto limit = limit_of(request);
  if (!limit) {
    return bad_query("limit");
  }
  const std::string stands = request.query_value("stands").value_or("");
  if (!stands.empty() && stands != "true") {
    return problem_response(
        Error{ErrorKind::kInvalid, "the query's \"stands\" is not \"true\"", {}});
  }
  const std::string label = label_of(sources, request);
  const auto standing = stands.empty() ? Result<std::set<std::string>>(std::set<std::string>{})
                                       : sources.corrections->standing(label);
  if (!standing) {
    return problem_response(standing.error());
  }
  const auto rows = sources.journal->corrections(stands.empty() ? *limit : kMostEvents, label,
                                                 request.principal.scope.names);
  if (!rows) {
    return problem_response(rows.error());
  }
  std::string list;
  std::size_t listed = 0;
  for (const JournalCorrection& row : *rows) {
    const bool wanted = stands.empty() || standing->contains(row.id);
    const std::string seen = correction_seen_by(request.principal, row.json);
    if (wanted && !seen.empty() && listed < *limit) {
      list += (listed++ == 0 ? "" : ",") + seen;
    }
  }
  return json_text_response(200, "{\"corrections\":[" + list + "]}");
}

// Empty where there is none.
Result<std::string> find_correction(const ApiSources& sources, const std::string& id) {
  if (const auto recent = sources.corrections->find(id)) {
    return dump(to_json(*recent));
  }
  const auto row = sources.journal->correction(id);
  if (!row) {
    return row.error();
  }
  return *row ? (*row)->json : "";
}

Response correction(const ApiSources& sources, const Request& request) {
  const std::string id = request.parameter("id");
  const auto found = find_correction(sources, id);
  if (!found) {
    return problem_response(found.error());
  }
  std::string seen = found->empty() ? "" : correction_seen_by(request.principal, *found);
  if (seen.empty()) {
    return problem_response(
        Error{ErrorKind::kNotFound, "there is no correction \"" + id + "\"", {}});
  }
  return json_text_response(200, std::move(seen));
}

// The sequence after which nothing of what was asked for has been given, and nothing left out.
std::uint64_t last_seen(const JournalQuery& query, const std::vector<JournalEvent>& events) {
  if (!events.empty()) {
    return query.after ? events.back().sequence : events.front().sequence;
  }
  return query.after.value_or(0);
}

// The sequence before which to go on; absent at the oldest, and where what comes after was asked.
std::optional<std::string> older_than(const JournalQuery& query,
                                      const std::vector<JournalEvent>& events) {
  const bool all = events.empty() || events.size() < query.limit || events.back().sequence == 1;
  return query.after || all ? std::nullopt : std::optional{std::to_string(events.back().sequence)};
}

Response audit(const ApiSources& sources, const Request& request) {
  if (auto refusal = nobody_asks(request)) {
    return *std::move(refusal);
  }
  if (!request.query_is_sound()) {
    return unsound_query();
  }
  const auto limit = limit_of(request);
  if (!limit) {
    return bad_query("limit");
  }
  JournalQuery query{{}, label_of(sources, request), *limit, request.principal.scope.names};
  for (auto [name, place] : {std::pair{"after", &query.after}, {"before", &query.before}}) {
    const auto text = request.query_value(name);
    *place = text ? parse_u64(*text) : std::nullopt;
    if (text && !*place) {
      return bad_query(name);
    }
  }
  if (query.after && query.before) {
    return problem_response(Error{
        ErrorKind::kInvalid, "the query has both \"after\" and \"before\"", "give one of them"});
  }
  const auto events = sources.journal->events(query);
  if (!events) {
    return problem_response(events.error());
  }
  const std::string_view accept = request.header("Accept");
  if (accept.find("application/jsonl") != accept.npos) {
    std::string lines;
    for (const JournalEvent& event : *events) {
      lines += dump(event_seen_by(request.principal, event)) + "\n";
    }
    Response response = json_text_response(200, "");
    response.content_type = "application/jsonl";
    response.body = std::move(lines);
    return response;
  }
  Json list = Json::array();
  for (const JournalEvent& event : *events) {
    list.push_back(event_seen_by(request.principal, event));
  }
  return json_response(200, {{"events", list},
                             {"next", std::to_string(last_seen(query, *events))},
                             {"older", or_null(older_than(query, *events))}});
}

}  // namespace

void add_api_routes(http::Router& router, const ApiSources& sources) {
  const auto with_snapshot = [&](const char* path, auto handler) {
    router.add("GET", path, [sources, handler](const Request& request) {
      const SnapshotPtr snapshot = seen_by(request.principal, sources.latest());
      return snapshot ? handler(sources, *snapshot, request) : not_ready();
    });
  };
  with_snapshot("/api/v1/host", [](const auto& from, const auto& snapshot, const auto& request) {
    return json_response(200, host_json(snapshot, from.facts(), request.principal));
  });
  with_snapshot("/api/v1/vms",
                [](const auto&, const auto& snapshot, const auto&) { return vms(snapshot); });
  with_snapshot("/api/v1/vms/{vm}", [](const auto&, const auto& snapshot, const auto& request) {
    return vm(snapshot, request.parameter("vm"));
  });
  router.add("GET", "/api/v1/corrections",
             [sources](const Request& request) { return corrections(sources, request); });
  router.add("GET", "/api/v1/corrections/{id}",
             [sources](const Request& request) { return correction(sources, request); });
  router.add("GET", "/api/v1/audit",
             [sources](const Request& request) { return audit(sources, request); });
  router.add("GET", "/api/v1/openapi.json",
             [](const Request&) { return json_text_response(200, std::string(kOpenApiDocument)); });
  add_correction_routes(router, sources);
}

}  // namespace kvmtsc
