#include "corrections/past_correction.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "corrections/correction_json.h"

namespace kvmtsc {
namespace {

Correction example() {
  Correction correction;
  correction.id = "c-1";
  correction.vm = {"web", "uuid", 42};
  correction.plan.vm = {4194304, 12, ~0ULL};
  correction.plan.vcpus = {{1, -9'007'199'254'740'993, 9'007'199'254'740'993, 0, {}},
                           {7, 5, -6, -11, -0.5}};
  correction.requester = {"token:night", "unix"};
  correction.mark = RequestMark{"key \"1\"", "abc"};
  correction.requested = {Nanoseconds(1'700'000'000'000'000'001)};
  return correction;
}

void expect_same(const std::optional<PastCorrection>& parsed, const PastCorrection& made) {
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, made.id);
  EXPECT_EQ(parsed->key, made.key);
  EXPECT_EQ(parsed->vm.label, made.vm.label);
  EXPECT_EQ(parsed->vm.uuid, made.vm.uuid);
  EXPECT_EQ(parsed->vm.pid, made.vm.pid);
  EXPECT_EQ(parsed->who, made.who);
  ASSERT_EQ(parsed->mark.has_value(), made.mark.has_value());
  if (made.mark) {
    EXPECT_EQ(parsed->mark->key, made.mark->key);
    EXPECT_EQ(parsed->mark->digest, made.mark->digest);
  }
  EXPECT_EQ(parsed->requested, made.requested);
  EXPECT_EQ(parsed->verdict, made.verdict);
  ASSERT_EQ(parsed->vcpus.size(), made.vcpus.size());
  for (std::size_t i = 0; i < made.vcpus.size(); ++i) {
    EXPECT_EQ(parsed->vcpus[i].id, made.vcpus[i].id);
    EXPECT_EQ(parsed->vcpus[i].before, made.vcpus[i].before);
    EXPECT_EQ(parsed->vcpus[i].after, made.vcpus[i].after);
  }
}

TEST(PastCorrection, ItsRecordTellsWhatItDidToTheTick) {
  Correction correction = example();
  expect_same(parse_past(dump(to_json(correction))), past_of(correction));
  for (const Verdict verdict :
       {Verdict::kCorrected, Verdict::kNotApplied, Verdict::kRolledBack, Verdict::kUncertain}) {
    finish(correction, verdict, {});
    correction.mark.reset();
    expect_same(parse_past(dump(to_json(correction))), past_of(correction));
  }
}

TEST(PastCorrection, WhatWasInterruptedIsUncertain) {
  Correction correction = example();
  correction.state = CorrectionState::kApplying;
  const auto past = parse_past(interrupted_json(dump(to_json(correction)), {}));
  ASSERT_TRUE(past);
  EXPECT_EQ(past->verdict, Verdict::kUncertain);
}

TEST(PastCorrection, ARecordThatDoesNotSayEnoughIsNone) {
  const auto whole = nlohmann::json::parse(dump(to_json(example())));
  for (const char* name : {"id", "vm", "uuid", "pid", "key", "requester", "requested", "verdict",
                           "idempotency", "plan"}) {
    auto less = whole;
    less.erase(name);
    EXPECT_FALSE(parse_past(less.dump())) << name;
    less[name] = nlohmann::json::array({1, "x"});
    EXPECT_EQ(parse_past(less.dump()).has_value(), std::string(name) == "verdict") << name;
  }
  for (const char* text : {"", "no json", "[]", "1", R"({"plan":{"vcpus":[1]}})"}) {
    EXPECT_FALSE(parse_past(text)) << text;
  }
}

}  // namespace
}  // namespace kvmtsc
