#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "cli/ending.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

std::string verdict_in(const Json& details) {
  const Json& verdict = field(details, "verdict");
  if (verdict.is_string()) {
    return verdict.get<std::string>();
  }
  return plain_text(field(field(details, "error"), "message"));
}

// The largest change of a TSC that the event speaks of.
std::string jump_in(const Json& details) {
  const Json& plan = field(details, "plan").is_object() ? field(details, "plan") : details;
  const Json* largest = nullptr;
  for (const Json& vcpu : field(plan, "vcpus")) {
    const Json& seconds = field(vcpu, "jump_seconds");
    if (seconds.is_number() && (largest == nullptr || std::abs(seconds.get<double>()) >
                                                          std::abs(largest->get<double>()))) {
      largest = &seconds;
    }
  }
  return largest == nullptr ? "-" : seconds_text(*largest, true);
}

// The reason that was given, and what an undo takes back.
std::string why_in(const Json& details) {
  const Json& undo_of = field(details, "undo_of");
  std::string why;
  if (undo_of.is_string()) {
    why = (field(details, "redo") == true ? "redoes what " : "undoes ") +
          undo_of.get<std::string>() + (field(details, "redo") == true ? " undid" : "");
  }
  const Json& reason = field(details, "reason");
  if (reason.is_string() && !reason.get<std::string>().empty()) {
    why += (why.empty() ? "" : ": ") + reason.get<std::string>();
  }
  return why.empty() ? "-" : why;
}

std::string table_of_events(const std::vector<Json>& events, bool coloured) {
  Table table({"AT", "WHAT", "VM", "WHO", "FROM", "CORRECTION", ">JUMP", "WHY", "OUTCOME"});
  for (const Json& event : events) {
    const std::string at = plain_text(field(event, "at"));
    const Json& details = field(event, "details");
    table.add({{at.substr(0, 19) + "Z"},
               {plain_text(field(event, "what"))},
               {plain_text(field(event, "vm"))},
               {plain_text(field(event, "who"))},
               {plain_text(field(event, "from"))},
               {plain_text(field(event, "correction"))},
               {jump_in(details)},
               {why_in(details)},
               {verdict_in(details)}});
  }
  return table.text(coloured);
}

}  // namespace

int show_log(const Session& session, const LogOptions& options) {
  const auto ending = options.follow ? std::make_optional<Ending>() : std::nullopt;
  std::string after = "0";
  // The newest are at the end: pages are read until there are no more, and the last lines shown.
  std::vector<Json> events;
  bool first = true;
  while (true) {
    const auto answer = session.client.get("/api/v1/audit?limit=1000&after=" + after +
                                           "&vm=" + percent_encoded(options.vm));
    if (failed(answer)) {
      return explain(session, answer);
    }
    const Json& page = field(answer->body, "events");
    events.insert(events.end(), page.begin(), page.end());
    after = plain_text(field(answer->body, "next"));
    if (page.size() == 1000) {
      continue;
    }
    if (first && events.size() > options.limit) {
      events.erase(events.begin(), events.end() - options.limit);
    }
    if (!options.follow) {
      std::reverse(events.begin(),
                   events.end());  // the newest first; what is followed goes on below
    }
    if (session.json) {
      for (const Json& event : events) {
        print(event.dump() + "\n");
      }
    } else if (first || !events.empty()) {
      print(table_of_events(events, session.coloured));
    }
    std::fflush(stdout);
    if (!ending || ending->comes_within(1)) {
      return kDone;
    }
    events.clear();
    first = false;
  }
}

}  // namespace kvmtsc
