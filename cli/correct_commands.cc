#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

constexpr int kPollMilliseconds = 200;
constexpr int kLongestWaitSeconds = 90;
constexpr int kTriesAfterWrite = 10;
constexpr unsigned kLongestRetrySeconds = 2;

std::string path_of(const std::string& vm, const char* what) {
  return "/api/v1/vms/" + percent_encoded(vm) + what;
}

// A VM that was just written has no plan before its next sweep: the service says how long that is,
// and a person would only type the same again.
Result<Answer> post(const Session& session, const std::string& path, const Json& body) {
  auto answer = session.client.request("POST", path, body);
  for (int tries = 0; tries < kTriesAfterWrite && answer && answer->status == 409; ++tries) {
    const Json& wait = field(answer->body, "retry_after_seconds");
    if (!wait.is_number_unsigned() || wait.get<unsigned>() > kLongestRetrySeconds) {
      break;
    }
    ::sleep(wait.get<unsigned>());
    answer = session.client.request("POST", path, body);
  }
  return answer;
}

void print_plan(const Session& session, const std::string& vm, const Json& plan) {
  print("Plan for " + harmless(vm) + ", made from sweep " + plain_text(field(plan, "sequence")) +
        "; error bound " + ticks_text(field(plan, "bound_ticks")) + " ticks\n\n");
  Table table({">vCPU", ">OFFSET NOW", ">OFFSET THEN", ">JUMP TICKS", ">JUMP"});
  for (const Json& vcpu : field(plan, "vcpus")) {
    const std::string jump = plain_text(field(vcpu, "jump_ticks"));
    table.add({{plain_text(field(vcpu, "id"))},
               {ticks_text(field(vcpu, "now"))},
               {ticks_text(field(vcpu, "then"))},
               {ticks_text(field(vcpu, "jump_ticks")),
                jump.starts_with('-') ? Colour::kRed : Colour::kNone},
               {seconds_text(field(vcpu, "jump_seconds"), true)}});
  }
  print(table.text(session.coloured));
  const Json& objections = field(plan, "objections");
  if (!objections.empty()) {
    print("\nThis speaks against it:\n");
  }
  for (const Json& found : objections) {
    print("  --allow " +
          in_colour(plain_text(field(found, "objection")), Colour::kYellow, session.coloured) +
          "   " + harmless(plain_text(field(found, "detail"))) + "\n");
  }
}

// Asks on the terminal. Without one only --yes will do, and with --json, whose reader sees no plan.
bool agreed(const Session& session, bool yes) {
  if (yes) {
    return true;
  }
  if (session.json) {
    complain("with --json this does not ask before it changes anything; give --yes");
    return false;
  }
  if (::isatty(STDIN_FILENO) == 0) {
    complain("this asks before it changes anything, and there is no terminal; give --yes");
    return false;
  }
  std::cout << "\nDo it? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void print_outcome(const Session& session, const Json& correction) {
  const std::string verdict = plain_text(field(correction, "verdict"));
  const Json& facts = field(correction, "facts");
  print(
      "\n" +
      in_colour(verdict, verdict == "corrected" ? Colour::kGreen : Colour::kRed, session.coloured) +
      "   " + plain_text(field(correction, "id")) + "\n");
  print("  read back equal   " + yes_no(field(facts, "read_back_equal")) + "\n");
  print("  later sweeps      " + yes_no(field(facts, "offsets_equal")) + "\n");
  print("  master clock      " + yes_no(field(facts, "master_clock")) + "\n");
  print("  vCPUs held        " + seconds_text(field(field(correction, "report"), "held_seconds")) +
        "\n");
  if (const Json& why = field(facts, "why_unknown"); plain_text(why) != "-") {
    print("  " + harmless(plain_text(why)) + "\n");
  }
  if (const Json& error = field(correction, "error"); error.is_object()) {
    print("  " + harmless(plain_text(field(error, "message"))) + "\n");
    print("  " + harmless(plain_text(field(error, "remedy"))) + "\n");
  }
  if (verdict == "corrected") {
    print("  kvm-tsc undo " + plain_text(field(correction, "id")) + "   takes it back\n");
  }
}

// It goes on, whether or not we hear of it.
void complain_unfollowed(const std::string& id, const char* why) {
  complain("correction " + id + " was accepted, and " + why + "; `kvm-tsc log` tells its outcome");
}

// Waits for the verdict of a correction that was accepted.
int follow(const Session& session, Json correction) {
  const bool shows_progress = ::isatty(STDERR_FILENO) == 1;
  const std::string id = plain_text(field(correction, "id"));
  const std::string path = "/api/v1/corrections/" + percent_encoded(id);
  std::string shown;
  for (int waited = 0; waited < kLongestWaitSeconds * 1000; waited += kPollMilliseconds) {
    const std::string state = plain_text(field(correction, "state"));
    if (shows_progress && state != shown) {
      std::fprintf(stderr, "%s...\n", state.c_str());
    }
    shown = state;
    if (state == "done") {
      break;
    }
    ::usleep(kPollMilliseconds * 1000);
    const auto answer = session.client.get(path);
    if (failed(answer)) {
      complain_unfollowed(id, "could not be followed");
      return explain(session, answer);
    }
    correction = answer->body;
  }
  if (shown != "done") {
    complain_unfollowed(id, "has no verdict yet");
  }
  if (session.json) {
    print(correction.dump() + "\n");
  } else {
    print_outcome(session, correction);
  }
  return field(correction, "verdict") == "corrected" ? kDone : kFailed;
}

int send(const Session& session, const std::string& path, const Json& body) {
  const auto answer = post(session, path, body);
  return failed(answer) ? explain(session, answer) : follow(session, answer->body);
}

// What undoing this correction does, and to what.
std::string undoing_means(const Json& correction) {
  const Json& undo_of = field(correction, "undo_of");
  if (!undo_of.is_string()) {
    return "Undoing writes the offsets that were there before.";
  }
  const std::string of = plain_text(undo_of);
  return field(correction, "redo") == true
             ? "It redid what " + of + " had taken back. Undoing takes it back again."
             : "It took " + of + " back. Undoing is a redo: it writes what " + of + " wrote.";
}

Json order(const std::vector<std::string>& allow, const std::string& reason) {
  return {{"allow", allow}, {"reason", reason}};
}

}  // namespace

int plan(const Session& session, const std::string& vm, const GoalOptions& options) {
  const auto goal = goal_json(options);
  if (!goal) {
    explain(session, goal.error());
    return kUsage;
  }
  const auto answer = post(session, path_of(vm, "/plans"), *goal);
  if (failed(answer)) {
    return explain(session, answer);
  }
  if (session.json) {
    print(answer->body.dump() + "\n");
    return kDone;
  }
  print_plan(session, plain_text(field(answer->body, "vm")), answer->body);
  print("\nNothing was changed. To do it:\n  kvm-tsc correct " + harmless(vm) + " --plan " +
        plain_text(field(answer->body, "id")) + "\n");
  return kDone;
}

int correct(const Session& session, const CorrectOptions& options) {
  Json body = order(options.allow, options.reason);
  Json preview{{"dry_run", true}, {"plan", options.plan_id}};
  if (options.plan_id.empty()) {
    const auto goal = goal_json(options.goal);
    if (!goal) {
      explain(session, goal.error());
      return kUsage;
    }
    preview = *goal;
  }
  // A goal becomes a plan first, so that what is agreed to is what is done.
  const bool planned = !options.plan_id.empty();
  const auto answer =
      post(session, path_of(options.vm, planned ? "/corrections" : "/plans"), preview);
  if (failed(answer)) {
    return explain(session, answer);
  }
  if (!session.json) {
    print_plan(session, plain_text(field(answer->body, "vm")), answer->body);
    std::fflush(stdout);
  }
  if (!agreed(session, options.yes)) {
    complain("nothing was changed");
    return kFailed;
  }
  body["plan"] = field(answer->body, "id");
  return send(session, path_of(options.vm, "/corrections"), body);
}

int undo(const Session& session, const UndoOptions& options) {
  std::string path = "/api/v1/corrections";
  path += options.id.empty() ? "?stands=true&limit=1&vm=" + percent_encoded(options.vm)
                             : "/" + percent_encoded(options.id);
  const auto answer = session.client.get(path);
  if (failed(answer)) {
    return explain(session, answer);
  }
  Json correction = answer->body;
  if (options.id.empty()) {
    const Json& list = field(answer->body, "corrections");
    if (list.empty()) {
      complain("no correction stands that could be undone; `kvm-tsc log` has those there were");
      return kFailed;
    }
    correction = list.front();
  }
  const std::string id = plain_text(field(correction, "id"));
  if (!session.json) {
    print("Correction " + id + " of " + harmless(plain_text(field(correction, "vm"))) + ", " +
          plain_text(field(correction, "verdict")) + ", requested " +
          plain_text(field(correction, "requested")) + " by " +
          harmless(plain_text(field(field(correction, "requester"), "who"))) + "\n" +
          undoing_means(correction) + "\n");
    std::fflush(stdout);
  }
  if (!agreed(session, options.yes)) {
    complain("nothing was changed");
    return kFailed;
  }
  return send(session, "/api/v1/corrections/" + percent_encoded(id) + "/undo",
              order(options.allow, options.reason));
}

}  // namespace kvmtsc
