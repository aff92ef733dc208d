#include "corrections/past_correction.h"

#include <array>
#include <concepts>

#include <nlohmann/json.hpp>

#include "base/parse.h"
#include "base/rfc3339.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::json;

// Reads without throwing; what is missing or of another type leaves the reader failed.
class Reader {
 public:
  const Json& at(const Json& object, const char* name) {
    static const Json kNull;
    const auto found = object.find(name);
    if (!object.is_object() || found == object.end()) {
      failed_ = true;
      return kNull;
    }
    return *found;
  }
  std::string text(const Json& object, const char* name) {
    return take(at(object, name).get_ptr<const Json::string_t*>()).value_or("");
  }
  template <std::integral Integer>
  Integer small(const Json& object, const char* name) {
    const Json& value = at(object, name);
    const auto number =
        value.is_number_integer() ? std::optional{value.get<std::int64_t>()} : std::nullopt;
    return static_cast<Integer>(take(number ? &*number : nullptr).value_or(0));
  }
  template <typename Value>
  Value digits(const Json& object, const char* name,
               std::optional<Value> (*parse)(std::string_view)) {
    const auto value = parse(text(object, name));
    return take(value ? &*value : nullptr).value_or(Value{});
  }
  bool failed() const { return failed_; }

 private:
  template <typename T>
  std::optional<T> take(const T* value) {
    failed_ = failed_ || value == nullptr;
    return value == nullptr ? std::nullopt : std::optional<T>{*value};
  }

  bool failed_ = false;
};

std::optional<Verdict> parse_verdict(const Json& name) {
  for (const Verdict verdict :
       {Verdict::kCorrected, Verdict::kNotApplied, Verdict::kRolledBack, Verdict::kUncertain}) {
    if (name == verdict_name(verdict)) {
      return verdict;
    }
  }
  return std::nullopt;
}

}  // namespace

PastCorrection past_of(const Correction& correction) {
  PastCorrection past;
  past.id = correction.id;
  past.key = correction.plan.vm;
  past.vm = correction.vm;
  past.who = correction.requester.who;
  past.mark = correction.mark;
  past.requested = correction.requested;
  past.verdict = correction.verdict;
  past.undo_of = correction.undo_of;
  past.redo = correction.redo;
  for (const PlannedVcpu& vcpu : correction.plan.vcpus) {
    past.vcpus.push_back({vcpu.id, vcpu.now, vcpu.then});
  }
  return past;
}

std::optional<PastCorrection> parse_past(const std::string& json) {
  const Json whole = Json::parse(json, nullptr, false);
  if (!whole.is_object()) {
    return std::nullopt;
  }
  Reader reader;
  PastCorrection past;
  past.id = reader.text(whole, "id");
  past.vm = {reader.text(whole, "vm"), reader.text(whole, "uuid"),
             reader.small<pid_t>(whole, "pid")};
  const Json& key = reader.at(whole, "key");
  past.key.creator = reader.small<pid_t>(key, "creator");
  past.key.fd = reader.small<int>(key, "fd");
  past.key.incarnation = reader.digits(key, "incarnation", parse_u64);
  past.who = reader.text(reader.at(whole, "requester"), "who");
  if (const Json& mark = reader.at(whole, "idempotency"); !mark.is_null()) {
    past.mark = RequestMark{reader.text(mark, "key"), reader.text(mark, "request_sha256")};
  }
  past.requested = reader.digits(whole, "requested", parse_rfc3339);
  past.verdict = parse_verdict(reader.at(whole, "verdict"));
  if (!reader.at(whole, "undo_of").is_null()) {
    past.undo_of = reader.text(whole, "undo_of");
  }
  past.redo = whole.value("redo", Json()) == true;
  for (const Json& vcpu : reader.at(reader.at(whole, "plan"), "vcpus")) {
    past.vcpus.push_back({reader.small<VcpuId>(vcpu, "id"), reader.digits(vcpu, "now", parse_i64),
                          reader.digits(vcpu, "then", parse_i64)});
  }
  return reader.failed() ? std::nullopt : std::optional{past};
}

}  // namespace kvmtsc
