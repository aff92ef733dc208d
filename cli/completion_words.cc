// What only the service knows of the words that a command line can be completed with.
#include <chrono>

#include "base/rfc3339.h"
#include "cli/commands.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

void print_each(const Json& list, const char* name) {
  for (const Json& one : list) {
    const Json& word = name != nullptr ? field(one, name) : one;
    if (word.is_string()) {
      print(word.get<std::string>() + "\n");
    }
  }
}

// Plans that can still be carried out: those of the newest events whose time has not passed.
int print_plans(const Session& session) {
  const auto answer = session.client.get("/api/v1/audit?limit=200");
  if (failed(answer)) {
    return kFailed;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  for (const Json& event : field(answer->body, "events")) {
    const Json& details = field(event, "details");
    const Json& expires = field(details, "expires");
    const auto end = expires.is_string() ? parse_rfc3339(expires.get<std::string>()) : std::nullopt;
    if (field(event, "what") == "planned" && end && end->since_epoch > now) {
      print(plain_text(field(details, "id")) + "\n");
    }
  }
  return kDone;
}

}  // namespace

int complete(const Session& session, const std::string& what) {
  if (what == "plans") {
    return print_plans(session);
  }
  const std::string path = what == "vms"           ? "/api/v1/vms"
                           : what == "corrections" ? "/api/v1/corrections?limit=50"
                                                   : "/api/v1/host";
  const auto answer = session.client.get(path);
  if (failed(answer)) {
    return kFailed;
  }
  if (what == "objections") {
    print_each(field(field(answer->body, "corrections"), "objections"), nullptr);
  } else {
    print_each(field(answer->body, what.c_str()), what == "vms" ? "vm" : "id");
  }
  return kDone;
}

}  // namespace kvmtsc
