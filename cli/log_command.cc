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

std::string table_of_events(const Json& events, bool coloured) {
  Table table({"AT", "WHAT", "VM", "WHO", "FROM", "CORRECTION", "OUTCOME"});
  for (const Json& event : events) {
    const std::string at = plain_text(field(event, "at"));
    table.add({{at.substr(0, 19) + "Z"},
               {plain_text(field(event, "what"))},
               {plain_text(field(event, "vm"))},
               {plain_text(field(event, "who"))},
               {plain_text(field(event, "from"))},
               {plain_text(field(event, "correction"))},
               {verdict_in(field(event, "details"))}});
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
