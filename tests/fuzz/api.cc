// Whole requests to the JSON API (api_script.h says how they are written), down to what the
// CorrectionService makes of them and the simulated fleet gets to hold.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "api_answers.h"
#include "api_meaning.h"
#include "api_script.h"
#include "api_world.h"
#include "base/parse.h"
#include "exporter/http/request_path.h"
#include "invariant.h"

namespace kvmtsc::fuzz {
namespace {

bool is_read(const std::string& method) {
  return method != "POST" && method != "PUT";
}

// What the rows are chosen by has been understood.
void check_query(const http::Request& request, const http::Response& response) {
  const bool has_rows = request.path == "/api/v1/audit" || request.path == "/api/v1/corrections";
  if (!has_rows || response.status != 200) {
    return;
  }
  for (const std::string_view field : split(request.query, '&')) {
    const auto equals = std::min(field.find('='), field.size() - 1);
    require(field.empty() || http::decode_form_value(field.substr(equals + 1)).has_value(),
            "a query that cannot be decoded is refused", request.query);
  }
}

class Session {
 public:
  void play(const ScriptedRequest& scripted) {
    if (scripted.request.method == "SWEEP") {
      world_.sweep();
      check_writes();
      check_verdicts();
      return;
    }
    if (worsens_the_world(scripted)) {
      return;
    }
    http::Request request = scripted.request;
    const auto path = http::decode_path(with_ids(scripted.raw_path));
    if (!path) {
      return;  // the server refuses it
    }
    request.path = *path;
    request.body = with_ids(request.body);
    if (!is_read(request.method)) {
      check_strangers(request);
    }
    const http::Response first = ask(request);
    const std::string key(request.header("Idempotency-Key"));
    if (!is_read(request.method) && !key.empty() && first.status < 300 && !world_.troubled() &&
        !request.path.ends_with("/plans")) {  // a second plan does no harm
      check_idempotency(request, first);
    }
  }

 private:
  bool worsens_the_world(const ScriptedRequest& scripted) {
    if (scripted.request.method == "IGNORE") {
      world_.ignore_writes();
    } else if (scripted.request.method == "FAIL") {
      world_.fail_at(scripted.raw_path);
      journal_failed_ = journal_failed_ || !scripted.raw_path.empty();
    } else if (scripted.request.method == "FORGET") {
      world_.forget();
    } else {
      return false;
    }
    return true;
  }

  // "$PLAN" and "$CORRECTION" stand for the last ones that an answer has named.
  std::string with_ids(const std::string& text) const {
    return with(with(text, "$PLAN", plan_), "$CORRECTION", correction_);
  }

  http::Response ask(const http::Request& request) {
    const std::size_t recorded = world_.recorded();
    http::Response response = world_.call(request);
    const Json answer = check_answer(request, response, world_.troubled());
    if (is_read(request.method)) {
      require(world_.recorded() == recorded, "reading leaves no trace", request.path);
      check_query(request, response);
    } else if (response.status < 300) {
      require(world_.has_snapshot(), "nothing is planned or accepted unseen", response.body);
      check_meaning(request, answer, world_.latest());
      remember(request, response, answer);
    }
    return response;
  }

  void remember(const http::Request& request, const http::Response& response, const Json& answer) {
    const std::string id = answer.at("id");
    if (response.status == 201) {
      plan_ = id;
    } else if (response.status == 202) {
      correction_ = id;
      if (std::ranges::find(accepted_, id) == accepted_.end()) {  // its key may be sent again
        accepted_.push_back(id);
      }
      http::Request look = request;
      look.method = "GET";
      look.path = field_of(response, "Location");
      const http::Response found = world_.call(look);
      require(found.status == 200 && Json::parse(found.body).at("id") == id,
              "what was accepted is found where the answer says", look.path);
    }
  }

  // Those who may not change anything, and one whose scope has the VMs' names only nearly.
  void check_strangers(http::Request request) {
    http::Principal nearly{"token:nearly", http::Role::kOperator, {}};
    for (const VmState& vm : world_.has_snapshot() ? world_.latest().vms : std::vector<VmState>{}) {
      nearly.scope.names.push_back(vm.label.substr(0, vm.label.size() - 1));
      nearly.scope.names.push_back(vm.label + "x");
      nearly.scope.names.push_back(vm.identity.uuid.substr(1));
    }
    for (const http::Principal& stranger :
         {http::Principal{}, http::Principal{"user:guest", http::Role::kViewer, {}}, nearly}) {
      request.principal = stranger;
      const http::Response response = world_.call(request);
      check_answer(request, response, world_.troubled());
      require(response.status >= 400, "a stranger changes nothing",
              stranger.name + ": " + request.path);
    }
  }

  // What is sent again is answered again; the key is of this request alone.
  void check_idempotency(http::Request request, const http::Response& first) {
    const std::size_t recorded = world_.recorded();
    const http::Response again = world_.call(request);
    require(
        again.status == first.status && again.body == first.body && world_.recorded() == recorded,
        "the same key and request are carried out once", request.body);
    request.body += ' ';
    require(world_.call(request).status == 422, "a key is of one request", request.body);
  }

  // Each correction that was accepted, and no other, is carried out once; and none that could not
  // be recorded first.
  void check_writes() {
    const std::string writes = std::to_string(world_.writes()) + " writes";
    require(world_.writes() == world_.recorded("applying"), "what is written is recorded first",
            writes);
    require(world_.writes() == accepted_.size() || journal_failed_,
            "what is accepted is written once", writes);
  }

  // What is called corrected is: in the report, and, until the VM's next correction, in the
  // offsets.
  void check_verdicts() {
    std::set<std::string> seen;
    for (auto id = accepted_.rbegin(); id != accepted_.rend(); ++id) {
      http::Request look;
      look.method = "GET";
      look.path = "/api/v1/corrections/" + *id;
      look.principal = {"token:observer", http::Role::kOperator, {}};
      const Json correction = check_answer(look, world_.call(look), world_.troubled());
      require(correction.at("state") == "done", "what was accepted has an end", correction.dump());
      if (correction.at("verdict") == "corrected") {
        check_corrected(correction, seen.insert(correction.at("vm")).second);
      }
    }
  }

  void check_corrected(const Json& correction, bool newest) const {
    for (const Json& vcpu : correction.at("report").at("vcpus")) {
      require(vcpu.at("read_back") == vcpu.at("wanted"), "what is called corrected reads back so",
              correction.dump());
      require(!newest || offset_now(correction.at("vm"), vcpu.at("id")) == vcpu.at("wanted"),
              "what is called corrected is so", correction.dump());
    }
  }

  // In decimal; empty when the VM or vCPU is gone.
  std::string offset_now(const std::string& vm, VcpuId vcpu) const {
    for (const VmState& state : world_.latest().vms) {
      for (const VcpuReading& reading : state.reading.value_or(VmReading{}).vcpus) {
        if (state.label == vm && reading.id == vcpu) {
          return std::to_string(reading.offset);
        }
      }
    }
    return "";
  }

  ApiWorld world_;
  std::string plan_ = "p-none";
  std::string correction_ = "c-none";
  std::vector<std::string> accepted_;  // in order
  bool journal_failed_ = false;
};

}  // namespace
}  // namespace kvmtsc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvmtsc::fuzz;
  Session session;
  for (const ScriptedRequest& scripted : parse_script(text_of(data, size))) {
    session.play(scripted);
  }
  kvmtsc::http::Request sweep;
  sweep.method = "SWEEP";
  session.play({sweep, ""});
  return 0;
}
