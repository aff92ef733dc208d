// The API as the server calls it: routes, the real CorrectionService, and the simulated fleet.
#include "exporter/api/api.h"

#include <algorithm>
#include <cctype>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collectors/simulated/attach.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

struct Reply {
  int status = 0;
  Json body;
  std::string location;
  std::string retry_after;
};

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    restart();
    sweep();
  }

  // The service anew, with the same journal.
  void restart() {
    CorrectionOptions options;
    options.enabled = true;
    service_ = std::make_unique<CorrectionService>(
        options,
        CorrectionService::Parts{&attach_, &attach_, &journal_, &clock_, [this] { return latest_; },
                                 [](const VmIdentity&) { return false; }, [] {}});
    ASSERT_TRUE(service_->recover());
    ApiSources sources;
    sources.latest = [this] { return latest_; };
    sources.facts = [this] {
      return ApiFacts{"1.0", "abc", "correct", seconds(5), true, seconds(1), audit_};
    };
    sources.corrections = service_.get();
    sources.journal = &journal_;
    sources.clock = &clock_;
    router_ = {};
    add_api_routes(router_, sources);
  }

  void sweep() {
    clock_.advance(seconds(1));
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->sequence = ++sequence_;
    snapshot->host.clocksource = "tsc";
    const auto listed = fleet_.list();
    for (const FoundVm& found : *listed) {
      VmState vm;
      vm.key = found.key;
      vm.source = fleet_.name();
      vm.identity = found.identity;
      vm.label = found.identity.name;
      vm.reading = *fleet_.read(found.key, {});
      vm.skew = analyse_skew(vm.reading->vcpus, 0, 0);
      vm.frequency = Frequency{3e9, 1};
      for (const VcpuReading& vcpu : vm.reading->vcpus) {
        vm.steps.push_back({vcpu.id, 0});
      }
      snapshot->vms.push_back(vm);
    }
    latest_ = snapshot;
    service_->observe(*latest_);
  }

  Reply call(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& key = "") {
    http::Request request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    request.query = target.find('?') == target.npos ? "" : target.substr(target.find('?') + 1);
    request.body = body;
    request.peer = "10.0.0.1:1";
    request.principal = principal_;
    if (!key.empty()) {
      request.headers.emplace_back("Idempotency-Key", key);
    }
    const http::Response response = router_.route(request);
    Reply reply{response.status, Json::parse(response.body, nullptr, false), "", ""};
    for (const auto& [name, value] : response.headers) {
      if (name == "Location") {
        reply.location = value;
      } else if (name == "Retry-After") {
        reply.retry_after = value;
      }
    }
    return reply;
  }
  std::string finish(const Reply& accepted) {
    service_->run_queued();
    sweep();
    sweep();
    return call("GET", accepted.location).body["verdict"];
  }

  FakeClock clock_;
  FakeJournal journal_;
  SimulatedFleet fleet_{1, 8, clock_};
  SimulatedAttach attach_{fleet_, clock_, nullptr, nullptr};
  SnapshotPtr latest_;
  std::uint64_t sequence_ = 0;
  std::unique_ptr<CorrectionService> service_;
  http::Router router_;
  http::Principal principal_{"token:night", http::Role::kOperator, {}};
  std::optional<Status> audit_;
};

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

TEST_F(ApiTest, NotKnowingIsNotTheSameAsNoVms) {
  auto blind = std::make_shared<Snapshot>(*latest_);
  const Error error{ErrorKind::kNotFound, "debugfs is not mounted", "mount it"};
  blind->collectors = {{"debugfs", false, {}, error, true}, {"simulated", true, {}, {}, true}};
  const SnapshotPtr known = latest_;
  latest_ = blind;
  const Reply some = call("GET", "/api/v1/vms");
  EXPECT_EQ(some.status, 200);
  EXPECT_EQ(some.body["complete"], false);
  EXPECT_EQ(some.body["problems"][0]["collector"], "debugfs");
  EXPECT_EQ(some.body["problems"][0]["remedy"], "mount it");
  const Reply other = call("GET", "/api/v1/vms/other");
  EXPECT_EQ(other.status, 503) << "that there is none is not known";
  EXPECT_EQ(call("POST", "/api/v1/vms/other/plans", R"({"goal":"align"})").status, 503);
  blind->vms.clear();
  const Reply none = call("GET", "/api/v1/vms");
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(none.body["detail"],
            "it is not known whether any VM is running: debugfs is not mounted");
  EXPECT_EQ(none.body["problems"][0]["message"], "debugfs is not mounted");
  blind->collectors[0].error.reset();
  EXPECT_EQ(call("GET", "/api/v1/vms").body["complete"], true);
  EXPECT_EQ(call("GET", "/api/v1/vms/other").status, 404);
  latest_ = known;
}

TEST_F(ApiTest, TheHostSaysWhetherTheAuditCanBeWritten) {
  const auto corrections = [&] { return call("GET", "/api/v1/host").body["corrections"]; };
  EXPECT_TRUE(corrections()["audit_writable"].is_null());
  audit_ = ok_status();
  EXPECT_EQ(corrections()["audit_writable"], true);
  EXPECT_TRUE(corrections()["audit_error"].is_null());
  audit_ = Error{ErrorKind::kIo, "the disk is full", "make room"};
  EXPECT_EQ(corrections()["audit_writable"], false);
  EXPECT_EQ(corrections()["audit_error"]["remedy"], "make room");
}

TEST_F(ApiTest, ShowsTheHostAndItsVms) {
  const Json host = call("GET", "/api/v1/host").body;
  EXPECT_EQ(host["attach_mode"], "correct");
  EXPECT_EQ(host["you"]["role"], "operator");
  const Json vms = call("GET", "/api/v1/vms").body;
  EXPECT_EQ(vms["vms"].size(), latest_->vms.size());
  const Reply skewed = call("GET", "/api/v1/vms/sim-skewed");
  EXPECT_EQ(skewed.body["spread_ticks"], "9000000");
  EXPECT_EQ(skewed.body["vcpus"].back()["skew_ticks"], "9000000");
  EXPECT_TRUE(skewed.body["vcpus"][0]["offset"].is_string());
}

TEST_F(ApiTest, FindsVmsByNameUuidAndProcess) {
  const Json vm = call("GET", "/api/v1/vms/sim-skewed").body;
  const std::string uuid = vm["uuid"];
  EXPECT_EQ(call("GET", "/api/v1/vms/" + uuid).body["vm"], "sim-skewed");
  EXPECT_EQ(call("GET", "/api/v1/vms/" + upper(uuid)).body["vm"], "sim-skewed");
  const std::string process = vm["pid"].dump() + "-" + vm["fd"].dump();
  EXPECT_EQ(call("GET", "/api/v1/vms/" + process).body["vm"], "sim-skewed");
  EXPECT_EQ(call("GET", "/api/v1/vms/none").status, 404);
  auto twins = std::make_shared<Snapshot>(*latest_);
  twins->vms[1].identity.uuid = uuid;
  twins->vms[0].identity.uuid = uuid;
  latest_ = twins;
  const Reply ambiguous = call("GET", "/api/v1/vms/" + uuid);
  EXPECT_EQ(ambiguous.status, 409);
  EXPECT_EQ(ambiguous.body["candidates"].size(), 2u);
}

TEST_F(ApiTest, AVmThatIsCalledLikeAnothersUuidDoesNotTakeItsPlace) {
  const std::string uuid = call("GET", "/api/v1/vms/sim-skewed").body["uuid"];
  auto impostor = std::make_shared<Snapshot>(*latest_);
  auto& vm = *std::ranges::find(impostor->vms, "sim-nested", &VmState::label);
  vm.label = uuid;
  latest_ = impostor;
  const Reply ambiguous = call("GET", "/api/v1/vms/" + uuid);
  ASSERT_EQ(ambiguous.status, 409);
  ASSERT_EQ(ambiguous.body["candidates"].size(), 2u);
  for (const std::string candidate : ambiguous.body["candidates"]) {
    EXPECT_EQ(call("GET", "/api/v1/vms/" + candidate).status, 200) << candidate;
  }
}

TEST_F(ApiTest, PlansCorrectsAndUndoes) {
  const Reply planned = call("POST", "/api/v1/vms/sim-skewed/plans", R"({"goal":"align"})");
  EXPECT_EQ(planned.status, 201);
  EXPECT_EQ(planned.body["vcpus"][0]["jump_ticks"], "9000000");
  const std::string id = planned.body["id"];
  const Reply accepted = call("POST", "/api/v1/vms/sim-skewed/corrections",
                              R"({"plan":")" + id + R"(","reason":"page 17"})");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(finish(accepted), "corrected");
  const std::string undo = accepted.location + "/undo";
  const Reply refused = call("POST", undo, "{}");
  EXPECT_EQ(refused.status, 422);
  ASSERT_EQ(refused.body["objections"].size(), 1u);
  EXPECT_EQ(refused.body["objections"][0]["objection"], "backwards");
  const Reply undone = call("POST", undo, R"({"allow":["backwards"]})");
  ASSERT_EQ(undone.status, 202) << undone.body;
  EXPECT_EQ(finish(undone), "corrected");
  EXPECT_EQ(call("GET", "/api/v1/corrections?limit=1").body["corrections"].size(), 1u);
  EXPECT_EQ(call("GET", "/api/v1/corrections?vm=other").body["corrections"].size(), 0u);
  EXPECT_EQ(call("GET", "/api/v1/corrections/c-none").status, 404);
  const Json audit = call("GET", "/api/v1/audit?limit=1000").body;
  EXPECT_EQ(audit["events"].back()["what"], "planned");
  EXPECT_EQ(audit["events"].back()["who"], "token:night");
  EXPECT_EQ(audit["events"].front()["what"], "finished");
}

TEST_F(ApiTest, TheAuditIsReadFromTheNewestBackOrFromAPlaceOnwards) {
  const std::string vm = "/api/v1/vms/sim-skewed";
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(call("POST", vm + "/plans", R"({"goal":"align"})").status, 201);
  }
  const auto page = [&](const std::string& query) {
    return call("GET", "/api/v1/audit" + query).body;
  };
  const auto sequences = [](const Json& answer) {
    std::string text;
    for (const Json& event : answer["events"]) {
      text += event["sequence"].get<std::string>() + " ";
    }
    return text;
  };
  const Json newest = page("?limit=2");
  EXPECT_EQ(sequences(newest), "5 4 ");
  EXPECT_EQ(newest["next"], "5");
  const Json older = page("?limit=2&before=" + newest["older"].get<std::string>());
  EXPECT_EQ(sequences(older), "3 2 ");
  const Json oldest = page("?limit=2&before=" + older["older"].get<std::string>());
  EXPECT_EQ(sequences(oldest), "1 ");
  EXPECT_TRUE(oldest["older"].is_null());
  EXPECT_TRUE(page("?limit=5")["older"].is_null()) << "event 1 is the first there is";
  EXPECT_EQ(page("?after=" + newest["next"].get<std::string>())["next"], "5");
  EXPECT_EQ(sequences(page("?after=" + newest["next"].get<std::string>())), "");
  EXPECT_EQ(sequences(page("?after=2&limit=2")), "3 4 ");
  EXPECT_EQ(page("?after=2&limit=2")["next"], "4");
  EXPECT_EQ(call("GET", "/api/v1/audit?after=1&before=3").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/audit?before=x").status, 400);
}

TEST_F(ApiTest, AnEventSaysInShortWhatItIsAbout) {
  const Reply made =
      call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align","reason":"page 17"})");
  ASSERT_EQ(finish(made), "corrected");
  const Reply undone =
      call("POST", "/api/v1/corrections/" + made.body["id"].get<std::string>() + "/undo",
           R"({"allow":["backwards"],"reason":"wrong VM"})");
  ASSERT_EQ(finish(undone), "corrected");
  const Json events = call("GET", "/api/v1/audit?limit=1000").body["events"];
  const Json& undo = events.front()["summary"];
  EXPECT_EQ(undo["undo_of"], made.body["id"]);
  EXPECT_EQ(undo["reason"], "wrong VM");
  EXPECT_EQ(undo["verdict"], "corrected");
  EXPECT_EQ(undo["largest_jump_ticks"], "-9000000");
  EXPECT_EQ(undo["largest_jump_seconds"], -0.003);
  const Json& planned = events.back()["summary"];
  EXPECT_EQ(planned["goal"], "align");
  EXPECT_EQ(planned["largest_jump_ticks"], "9000000");
  EXPECT_TRUE(planned["plan"].is_string());
  for (const char* unknown : {"reason", "undo_of", "verdict", "error"}) {
    EXPECT_TRUE(planned[unknown].is_null()) << unknown;
  }
}

TEST_F(ApiTest, SetsOneOffsetPlainly) {
  const std::string path = "/api/v1/vms/sim-healthy-1/vcpus/1/tsc-offset";
  const auto& vm = *std::ranges::find(latest_->vms, "sim-healthy-1", &VmState::label);
  const std::int64_t now = vm.reading->vcpus[1].offset;
  const std::string offset = std::to_string(now + 10);
  EXPECT_EQ(call("PUT", path, R"({"offset":")" + offset + R"(","expected":"1"})").status, 409);
  const Reply accepted = call(
      "PUT", path, R"({"offset":")" + offset + R"(","expected":")" + std::to_string(now) + "\"}");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(accepted.body["plan"]["vcpus"].size(), vm.reading->vcpus.size());
  for (const char* id : {"99", "-1", "x", "4294967296", " 1"}) {
    EXPECT_EQ(call("PUT", std::string("/api/v1/vms/sim-skewed/vcpus/") + id + "/tsc-offset",
                   R"({"offset":"1"})")
                  .status,
              404)
        << id;
  }
  EXPECT_EQ(call("PUT", path, "{}").status, 400);
}

TEST_F(ApiTest, ADryRunLeavesNoTrace) {
  const auto recorded = journal_.all.size();
  const Reply preview =
      call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align","dry_run":true})");
  EXPECT_EQ(preview.status, 200);
  EXPECT_EQ(preview.body["vcpus"][0]["jump_ticks"], "9000000");
  EXPECT_EQ(journal_.all.size(), recorded);
}

TEST_F(ApiTest, ARefusalNamesWhatToAllow) {
  const Reply refused =
      call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align","to":"reference"})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.body["objections"][0]["objection"], "backwards");
  EXPECT_TRUE(refused.body.contains("remedy"));
  EXPECT_EQ(journal_.all.back().what, "refused");
}

TEST_F(ApiTest, RefusesMistakenBodies) {
  for (const char* body : {"", "{}", "[]", "not json", R"({"goal":"align","plan":"p-1"})",
                           R"({"goal":"align","x":1})", R"({"plan":1})"}) {
    EXPECT_EQ(call("POST", "/api/v1/vms/sim-skewed/corrections", body).status, 400) << body;
  }
  EXPECT_EQ(call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"plan":"p-1"})").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/audit?after=x").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/corrections?limit=-1").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/corrections?vm=%zz").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/audit?vm=%zz").status, 400);
}

TEST_F(ApiTest, APlanIsOfItsVm) {
  const std::string id =
      call("POST", "/api/v1/vms/sim-skewed/plans", R"({"goal":"align"})").body["id"];
  for (const char* more : {"", R"(,"dry_run":true)"}) {
    EXPECT_EQ(
        call("POST", "/api/v1/vms/sim-nested/corrections", R"({"plan":")" + id + "\"" + more + "}")
            .status,
        409)
        << more;
  }
}

TEST_F(ApiTest, OffsetsThatChangedSinceThePlanAreAConflictWithANewPlan) {
  const std::string path = "/api/v1/vms/sim-skewed/";
  const std::string body = R"({"goal":"shift","ticks":"5"})";
  const std::string id = call("POST", path + "plans", body).body["id"];
  EXPECT_EQ(finish(call("POST", path + "corrections", body)), "corrected");
  const Reply changed = call("POST", path + "corrections", R"({"plan":")" + id + "\"}");
  ASSERT_EQ(changed.status, 409);
  const std::string anew = changed.body["plan"];
  EXPECT_NE(anew, id);
  const Reply accepted = call("POST", path + "corrections", R"({"plan":")" + anew + "\"}");
  EXPECT_EQ(accepted.status, 202);
  // While one is under way there is nothing new to plan.
  EXPECT_FALSE(
      call("POST", path + "corrections", R"({"plan":")" + anew + "\"}").body.contains("plan"));
}

TEST_F(ApiTest, AnothersPlanIsNotShownEither) {
  const std::string id =
      call("POST", "/api/v1/vms/sim-skewed/plans", R"({"goal":"align"})").body["id"];
  const std::string body = R"({"dry_run":true,"plan":")" + id + "\"}";
  principal_.scope.names = {"sim-nested"};
  EXPECT_EQ(call("POST", "/api/v1/vms/sim-nested/corrections", body).status, 409);
  principal_.scope = {};
  EXPECT_EQ(call("POST", "/api/v1/vms/sim-skewed/corrections", body).status, 200);
}

TEST_F(ApiTest, CorrectionsAreListedByAnyNameOfTheirVm) {
  EXPECT_EQ(finish(call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align"})")),
            "corrected");
  const Json vm = call("GET", "/api/v1/vms/sim-skewed").body;
  const std::string uuid = vm["uuid"];
  for (const std::string& name : {std::string("sim-skewed"), uuid, upper(uuid)}) {
    EXPECT_EQ(call("GET", "/api/v1/corrections?vm=" + name).body["corrections"].size(), 1u);
  }
  EXPECT_EQ(call("GET", "/api/v1/corrections?vm=sim-nested").body["corrections"].size(), 0u);
}

TEST_F(ApiTest, SaysWhatWasProbablyMeant) {
  const Reply vm = call("GET", "/api/v1/vms/sim-skwed");
  EXPECT_EQ(vm.status, 404);
  EXPECT_EQ(vm.body["code"], "no_such_vm");
  EXPECT_EQ(vm.body["did_you_mean"], "sim-skewed");
  EXPECT_FALSE(call("GET", "/api/v1/vms/nothing-alike").body.contains("did_you_mean"));
  const Reply objection = call("POST", "/api/v1/vms/sim-skewed/corrections",
                               R"({"goal":"align","allow":["backward"]})");
  EXPECT_EQ(objection.status, 400);
  EXPECT_EQ(objection.body["detail"],
            "\"allow\": there is no objection \"backward\"; did you mean backwards?");
}

TEST_F(ApiTest, TellsWhichCorrectionsStand) {
  const Reply made = call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align"})");
  EXPECT_EQ(finish(made), "corrected");
  const auto stands = [&] { return call("GET", "/api/v1/corrections?stands=true").body; };
  EXPECT_EQ(stands()["corrections"][0]["id"], made.body["id"]);
  const std::string id = made.body["id"];
  const Reply undone =
      call("POST", "/api/v1/corrections/" + id + "/undo", R"({"allow":["backwards"]})");
  EXPECT_EQ(undone.body["redo"], false);
  EXPECT_EQ(finish(undone), "corrected");
  EXPECT_TRUE(stands()["corrections"].empty());
  EXPECT_EQ(call("GET", "/api/v1/corrections").body["corrections"].size(), 2u);
  EXPECT_EQ(call("GET", "/api/v1/corrections?stands=maybe").status, 400);
}

TEST_F(ApiTest, TheSameKeyIsOneCorrection) {
  const std::string path = "/api/v1/vms/sim-skewed/corrections";
  const Reply first = call("POST", path, R"({"goal":"align"})", "key");
  const Reply again = call("POST", path, R"({"goal":"align"})", "key");
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(again.body["id"], first.body["id"]);
  EXPECT_EQ(call("POST", path, R"({"goal":"align","reason":"x"})", "key").status, 422);
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 409);  // one is under way
  clock_.advance(std::chrono::hours(25));
  EXPECT_NE(call("POST", path, R"({"goal":"align"})", "key").body["id"], first.body["id"]);
}

TEST_F(ApiTest, OnlyOperatorsWithinTheirScope) {
  const std::string path = "/api/v1/vms/sim-skewed/plans";
  principal_.role = http::Role::kViewer;
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 403);
  principal_.role = http::Role::kNobody;
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 401);
  EXPECT_EQ(call("GET", "/api/v1/audit").status, 401);
  principal_ = {"token:night", http::Role::kOperator, {{"sim-nested"}, {}}};
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 403);
  EXPECT_EQ(journal_.all.back().what, "refused");
  principal_.scope.names = {"sim-skewed"};
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 201);
}

TEST_F(ApiTest, ViewersSeeThatSomethingWasDoneOperatorsWhoAndWhy) {
  const Reply made =
      call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align","reason":"page 17"})");
  EXPECT_EQ(finish(made), "corrected");
  EXPECT_EQ(call("GET", made.location).body["reason"], "page 17");
  for (const http::Role role : {http::Role::kViewer, http::Role::kNobody}) {
    principal_.role = role;
    const Json all = call("GET", "/api/v1/corrections").body["corrections"];
    ASSERT_EQ(all.size(), 1u);
    for (const Json& seen : {call("GET", made.location).body, all[0]}) {
      EXPECT_EQ(seen["vm"], "sim-skewed");
      EXPECT_EQ(seen["verdict"], "corrected");
      EXPECT_TRUE(seen["requested"].is_string());
      for (const char* hidden :
           {"reason", "requester", "allowed", "plan", "report", "facts", "error", "idempotency"}) {
        EXPECT_FALSE(seen.contains(hidden)) << hidden;
      }
      EXPECT_EQ(seen.dump().find("page 17"), std::string::npos);
      EXPECT_EQ(seen.dump().find("10.0.0.1"), std::string::npos);
    }
  }
  EXPECT_EQ(call("GET", "/api/v1/audit").status, 401);
  principal_.role = http::Role::kViewer;
  const Json events = call("GET", "/api/v1/audit?after=0").body["events"];
  ASSERT_EQ(events.size(), journal_.all.size());
  EXPECT_EQ(events.back()["what"], "finished");
  EXPECT_EQ(events.back()["vm"], "sim-skewed");
  EXPECT_EQ(events.back()["verdict"], "corrected");
  EXPECT_EQ(events.front()["verdict"], nullptr);
  for (const char* hidden : {"who", "from", "summary", "details"}) {
    EXPECT_FALSE(events.back().contains(hidden)) << hidden;
  }
}

TEST_F(ApiTest, AScopeLimitsEverythingThatIsRead) {
  const Reply hidden = call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align"})");
  EXPECT_EQ(finish(hidden), "corrected");
  const Reply seen =
      call("POST", "/api/v1/vms/sim-healthy-1/corrections", R"({"goal":"shift","ticks":"1"})");
  EXPECT_EQ(finish(seen), "corrected");
  // Of no VM.
  EXPECT_TRUE(journal_.record({0, {}, "refused", "", "", "", "somebody", "", "{}"}, {}));
  const std::string uuid = call("GET", "/api/v1/vms/sim-healthy-1").body["uuid"];
  for (const std::string& name : {std::string("sim-healthy-1"), uuid}) {
    principal_.scope.names = {name};
    const Json vms = call("GET", "/api/v1/vms").body["vms"];
    ASSERT_EQ(vms.size(), 1u);
    EXPECT_EQ(vms[0]["vm"], "sim-healthy-1");
    EXPECT_EQ(call("GET", "/api/v1/vms/sim-healthy-1").status, 200);
    EXPECT_EQ(call("GET", "/api/v1/vms/sim-skewed").status, 404);
    EXPECT_EQ(call("GET", seen.location).status, 200);
    EXPECT_EQ(call("GET", hidden.location).status, 404);
    EXPECT_EQ(call("GET", "/api/v1/corrections?vm=sim-skewed").body["corrections"].size(), 0u);
    const Json events = call("GET", "/api/v1/audit?limit=1000").body["events"];
    ASSERT_GT(events.size(), 3u);
    for (const Json& event : events) {
      EXPECT_EQ(event["vm"], "sim-healthy-1");
    }
  }
  principal_.scope.names = {"sim-healthy-1"};
  const Json corrections = call("GET", "/api/v1/corrections").body["corrections"];
  ASSERT_EQ(corrections.size(), 1u);
  EXPECT_EQ(corrections[0]["vm"], "sim-healthy-1");
}

TEST_F(ApiTest, AScopeOfOneSourceIsForItsVmsAloneWhateverTheyAreCalled) {
  const std::string path = "/api/v1/vms/sim-skewed/plans";
  principal_ = {"token:demo", http::Role::kOperator, {{}, "debugfs"}};
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 403);
  principal_.scope = {{"sim-skewed"}, "debugfs"};
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 403);
  principal_.scope = {{}, "simulated"};
  EXPECT_EQ(call("POST", path, R"({"goal":"align"})").status, 201);
}

TEST_F(ApiTest, ALimitSaysWhenThereIsRoomAgain) {
  const std::string path = "/api/v1/vms/sim-healthy-1/corrections";
  const std::string body = R"({"goal":"shift","ticks":"1"})";
  for (int i = 0; i < 6; ++i) {
    const Reply accepted = call("POST", path, body);
    ASSERT_EQ(accepted.status, 202) << accepted.body;
    EXPECT_EQ(finish(accepted), "corrected");
    clock_.advance(std::chrono::minutes(1));
  }
  const Reply limited = call("POST", path, body);
  EXPECT_EQ(limited.status, 429);
  // The first began six minutes and the two sweeps of each ago.
  EXPECT_EQ(limited.retry_after, std::to_string(54 * 60 - 6 * 2));
  EXPECT_EQ(limited.body["retry_after_seconds"].dump(), limited.retry_after);
  clock_.advance(seconds(std::stoi(limited.retry_after)));
  EXPECT_EQ(call("POST", path, body).status, 202);
}

TEST_F(ApiTest, OfAVmThatHasEndedNothingIsUndoneAndThatIsSaid) {
  principal_.scope.kind = "simulated";
  const Reply accepted = call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align"})");
  ASSERT_EQ(finish(accepted), "corrected");
  const std::string undo = accepted.location + "/undo";
  const std::string body = R"({"allow":["backwards"],"reason":"page 17"})";
  auto without = std::make_shared<Snapshot>(*latest_);
  std::erase_if(without->vms, [](const VmState& vm) { return vm.label == "sim-skewed"; });
  latest_ = without;
  const Reply gone = call("POST", undo, body);
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body["detail"], "sim-skewed: the VM is not there any more");
  const Json details = call("GET", "/api/v1/audit?limit=1").body["events"][0]["details"];
  EXPECT_EQ(details["reason"], "page 17") << details;
  EXPECT_EQ(details["asked"]["undo_of"], accepted.body["id"]) << details;
  principal_.scope.names = {"other"};
  EXPECT_EQ(call("POST", undo, body).status, 403);
  principal_.scope.names = {};
  const Error blind{ErrorKind::kNotFound, "debugfs is not mounted", "mount it"};
  without->collectors = {{"debugfs", false, {}, blind, true}};
  EXPECT_EQ(call("POST", undo, body).status, 503) << "whether it has ended is not known";
  latest_ = nullptr;
  EXPECT_EQ(call("POST", undo, body).status, 503) << "nor before the first sweep";
}

TEST_F(ApiTest, ARefusalThatNeverWasACorrectionSaysInTheAuditWhatWasAsked) {
  const std::string path = "/api/v1/vms/sim-skewed/corrections";
  const std::string missing = R"({"goal":"set","vcpu":99,"offset":"5","reason":"page 18"})";
  EXPECT_EQ(call("POST", path, missing).status, 404);
  const Json event = call("GET", "/api/v1/audit?limit=1").body["events"][0];
  EXPECT_EQ(event["summary"]["reason"], "page 18") << event;
  EXPECT_EQ(event["details"]["asked"]["vcpu"], 99) << event;
}

TEST_F(ApiTest, AnAnswerThatSaysWhenToAskAgainIsNotKeptUnderItsKey) {
  const std::string path = "/api/v1/vms/sim-skewed/corrections";
  ASSERT_EQ(call("POST", path, R"({"goal":"align"})").status, 202);
  service_->run_queued();
  const std::string body = R"({"goal":"shift","ticks":"5"})";
  const Reply early = call("POST", path, body, "key");
  ASSERT_EQ(early.status, 409);
  ASSERT_NE(early.retry_after, "");
  sweep();
  sweep();
  EXPECT_EQ(call("POST", path, body, "key").status, 202);
}

TEST_F(ApiTest, TheScopeHoldsForUndoingWhatAnEarlierRunDid) {
  const Reply accepted = call("POST", "/api/v1/vms/sim-skewed/corrections", R"({"goal":"align"})");
  EXPECT_EQ(finish(accepted), "corrected");
  restart();
  const std::string undo = accepted.location + "/undo";
  principal_ = {"token:day", http::Role::kOperator, {{"sim-nested"}, {}}};
  EXPECT_EQ(call("POST", undo, R"({"allow":["backwards"]})").status, 403);
  EXPECT_EQ(journal_.all.back().what, "refused");
  EXPECT_EQ(journal_.all.back().vm, "sim-skewed");
  principal_.scope.names = {"sim-skewed"};
  EXPECT_EQ(call("POST", undo, R"({"allow":["backwards"]})").status, 202);
}

TEST_F(ApiTest, TheSameKeyIsOneCorrectionAcrossARestart) {
  const std::string path = "/api/v1/vms/sim-healthy-1/corrections";
  const std::string body = R"({"goal":"shift","ticks":"5"})";
  const Reply first = call("POST", path, body, "key");
  EXPECT_EQ(finish(first), "corrected");
  const Reply unmarked = call("POST", path, body);
  EXPECT_EQ(finish(unmarked), "corrected");
  EXPECT_NE(unmarked.body["id"], first.body["id"]);
  restart();
  const Reply again = call("POST", path, body, "key");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body["id"], first.body["id"]);
  EXPECT_EQ(again.location, first.location);
  EXPECT_EQ(call("POST", path, R"({"goal":"shift","ticks":"6"})", "key").status, 422);
  principal_.name = "token:day";
  EXPECT_NE(call("POST", path, body, "key").body["id"], first.body["id"]);
}

TEST_F(ApiTest, NotReadyBeforeTheFirstSweep) {
  latest_ = nullptr;
  EXPECT_EQ(call("GET", "/api/v1/vms").status, 503);
  EXPECT_EQ(call("POST", "/api/v1/vms/a/plans", R"({"goal":"align"})").status, 503);
}

}  // namespace
}  // namespace kvmtsc
