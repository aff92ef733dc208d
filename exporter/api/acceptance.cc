#include "exporter/api/acceptance.h"

#include <utility>

#include "corrections/correction_json.h"
#include "corrections/past_correction.h"
#include "exporter/api/problems.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kRecalled = 500;

}  // namespace

http::Response accepted_response(const std::string& id, std::string json) {
  http::Response response = json_text_response(202, std::move(json));
  response.headers.emplace_back("Location", "/api/v1/corrections/" + id);
  return response;
}

http::Response accepted_response(const Correction& correction) {
  return accepted_response(correction.id, dump(to_json(correction)));
}

void recall_accepted(Journal& journal, Idempotency& idempotency) {
  const auto rows = journal.corrections(kRecalled, "", {});
  if (!rows) {
    return;
  }
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    const auto past = parse_past(row->json);
    if (past && past->mark) {
      idempotency.recall(past->who, *past->mark, accepted_response(row->id, row->json));
    }
  }
}

}  // namespace kvmtsc
