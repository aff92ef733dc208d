#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/consent.h"
#include "cli/ending.h"
#include "cli/figures.h"
#include "cli/shell.h"
#include "cli/timers_text.h"

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
  if (const Json& notice = field(plan, "notice"); notice.is_string()) {
    print("\nIn the guest: " + harmless(plain_text(notice)) + "\n");
  }
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
  if (const std::string timers = timers_text(field(field(correction, "report"), "vcpus"));
      !timers.empty()) {
    print("  timers            " + timers + "\n");
  }
  if (const Json& why = field(facts, "why_unknown"); plain_text(why) != "-") {
    print("  " + harmless(plain_text(why)) + "\n");
  }
  if (const Json& error = field(correction, "error"); error.is_object()) {
    print("  " + harmless(plain_text(field(error, "message"))) + "\n");
    print("  " + harmless(plain_text(field(error, "remedy"))) + "\n");
  }
  if (verdict == "corrected") {
    print("  kvm-tsc undo " + plain_text(field(correction, "id")) + "   # takes it back\n");
  }
}

// What no --allow opens.
void print_obstacle(const Json& plan) {
  if (const Json& obstacle = field(plan, "obstacle"); obstacle.is_object()) {
    print("\nIt cannot be carried out now: " + harmless(plain_text(field(obstacle, "message"))) +
          "\n");
    const Json& remedy = field(obstacle, "remedy");
    const std::string text = remedy.is_string() ? remedy.get<std::string>() : "";
    if (!text.empty()) {
      print("  " + harmless(text) + "\n");
    }
  }
}

// It goes on, whether or not we hear of it.
void complain_unfollowed(const std::string& id, const std::string& vm, const char* why) {
  complain("correction " + id + " was accepted and goes on, " + why + ". Its outcome:");
  complain("  kvm-tsc log --vm=" + shell_word(vm));
}

// Waits for the verdict of a correction that was accepted.
int follow(const Session& session, Json correction) {
  const Ending ending;
  const bool shows_progress = ::isatty(STDERR_FILENO) == 1;
  const std::string vm = plain_text(field(correction, "vm"));
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
    if (ending.comes_within(kPollMilliseconds / 1000.0)) {
      complain_unfollowed(id, vm, "although this stops waiting for it");
      return kInterrupted;
    }
    const auto answer = session.client.get(path);
    if (failed(answer)) {
      complain_unfollowed(id, vm, "but cannot be followed");
      return explain(session, answer);
    }
    correction = answer->body;
  }
  if (shown != "done") {
    complain_unfollowed(id, vm, "without a verdict so far");
  }
  if (session.json) {
    print(correction.dump() + "\n");
  } else {
    print_outcome(session, correction);
  }
  return field(correction, "verdict") == "corrected" ? kDone : kFailed;
}

// " --allow backwards --allow large_step"
std::string allowing(const Json& objections) {
  std::string words;
  for (const Json& found : objections) {
    words += " --allow " + plain_text(field(found, "objection"));
  }
  return words;
}

// The service's own refusal; a plan that it made anew becomes a command that can be pasted.
int explain_refusal(const Session& session, const Result<Answer>& answer, const std::string& vm) {
  const int status = explain(session, answer);
  if (answer && answer->status == 409 && field(answer->body, "plan").is_string()) {
    const std::string plan = plain_text(field(answer->body, "plan"));
    complain("  " + command_for("correct", vm, "--plan " + plan) + "   # shows it and asks");
  }
  return status;
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
  print_obstacle(answer->body);
  if (field(answer->body, "obstacle").is_object()) {
    print("\nNothing was changed.\n");
    return kDone;
  }
  const std::string flags = "--plan " + plain_text(field(answer->body, "id")) +
                            allowing(field(answer->body, "objections"));
  print("\nNothing was changed. To do it:\n  " + command_for("correct", vm, flags) + "\n");
  return kDone;
}

int correct(const Session& session, const CorrectOptions& options) {
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
    print_obstacle(answer->body);
    std::fflush(stdout);
  }
  std::vector<std::string> allow = options.allow;
  if (!consents_to(session, field(answer->body, "objections"), options.yes, allow) ||
      !agreed(session, options.yes)) {
    complain("nothing was changed");
    return kFailed;
  }
  Json body = order(allow, options.reason);
  body["plan"] = field(answer->body, "id");
  const auto accepted = post(session, path_of(options.vm, "/corrections"), body);
  return failed(accepted) ? explain_refusal(session, accepted, options.vm)
                          : follow(session, accepted->body);
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
  // What speaks against it the service says when it is asked to do it.
  const std::string undo_path = "/api/v1/corrections/" + percent_encoded(id) + "/undo";
  std::vector<std::string> allow = options.allow;
  auto accepted = post(session, undo_path, order(allow, options.reason));
  if (accepted && accepted->status == 422 &&
      consents_to(session, field(accepted->body, "objections"), options.yes, allow) &&
      allow != options.allow) {
    accepted = post(session, undo_path, order(allow, options.reason));
  }
  return failed(accepted) ? explain(session, accepted) : follow(session, accepted->body);
}

}  // namespace kvmtsc
