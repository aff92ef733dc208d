#include <algorithm>
#include <cstdio>
#include <vector>

#include "cli/commands.h"
#include "cli/ending.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

// The verdict, which every login sees, or else why there is none.
std::string outcome_of(const Json& event) {
  const Json& verdict = field(event, "verdict");
  return plain_text(verdict.is_string() ? verdict : field(field(event, "summary"), "error"));
}

// The reason that was given, and what an undo takes back.
std::string why_in(const Json& summary) {
  const Json& undo_of = field(summary, "undo_of");
  std::string why;
  if (undo_of.is_string()) {
    const bool redo = field(summary, "redo") == true;
    why = (redo ? "redoes what " : "undoes ") + undo_of.get<std::string>() + (redo ? " undid" : "");
  }
  const Json& reason = field(summary, "reason");
  if (reason.is_string()) {
    why += (why.empty() ? "" : ": ") + reason.get<std::string>();
  }
  return why.empty() ? "-" : why;
}

std::string table_of_events(const std::vector<Json>& events, bool coloured) {
  Table table({"AT", "WHAT", "VM", "WHO", "FROM", "CORRECTION", ">JUMP", "WHY", "OUTCOME"});
  for (const Json& event : events) {
    const std::string at = plain_text(field(event, "at"));
    const Json& summary = field(event, "summary");
    table.add({{at.substr(0, 19) + "Z"},
               {plain_text(field(event, "what"))},
               {plain_text(field(event, "vm"))},
               {plain_text(field(event, "who"))},
               {plain_text(field(event, "from"))},
               {plain_text(field(event, "correction"))},
               {seconds_text(field(summary, "largest_jump_seconds"), true)},
               {why_in(summary)},
               {outcome_of(event)}});
  }
  return table.text(coloured);
}

std::string audit_path(const std::string& vm, const std::string& which) {
  return "/api/v1/audit?" + which + "&vm=" + percent_encoded(vm);
}

void print_events(const Session& session, const std::vector<Json>& events, bool even_if_none) {
  if (session.json) {
    for (const Json& event : events) {
      print(event.dump() + "\n");
    }
  } else if (even_if_none || !events.empty()) {
    print(table_of_events(events, session.coloured));
  }
  std::fflush(stdout);
}

// What came since, again and again, in the order in which it came.
int follow(const Session& session, const LogOptions& options, std::string after) {
  const Ending ending;
  while (!ending.comes_within(1)) {
    const auto answer =
        session.client.get(audit_path(options.vm, "limit=1000&after=" + percent_encoded(after)));
    if (failed(answer)) {
      return explain(session, answer);
    }
    const Json& page = field(answer->body, "events");
    print_events(session, {page.begin(), page.end()}, false);
    after = plain_text(field(answer->body, "next"));
  }
  return kDone;
}

}  // namespace

int show_log(const Session& session, const LogOptions& options) {
  const auto answer =
      session.client.get(audit_path(options.vm, "limit=" + std::to_string(options.limit)));
  if (failed(answer)) {
    return explain(session, answer);
  }
  const Json& newest = field(answer->body, "events");
  std::vector<Json> events(newest.begin(), newest.end());
  if (options.follow) {
    std::reverse(events.begin(), events.end());  // what comes goes on below
  }
  print_events(session, events, true);
  return options.follow ? follow(session, options, plain_text(field(answer->body, "next"))) : kDone;
}

}  // namespace kvmtsc
