// kvm-tsc: the engineer's command line. Flags and subcommands; what they do is in commands.h.
#include <locale.h>

#include <functional>

#include <CLI/CLI.hpp>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/default_server.h"
#include "cli/near_misses.h"
#include "cli/session.h"

namespace kvmtsc {
namespace {

constexpr const char* kFooter = R"(
Examples:
  kvm-tsc doctor                       what this host allows, and what is missing
  kvm-tsc vms                          every VM, the troubled ones first
  kvm-tsc plan web-1                   what aligning its vCPUs would do; changes nothing
  kvm-tsc correct web-1                shows the plan, asks, does it, and says whether it took
  kvm-tsc plan web-1 --restore f.json  what writing these offsets would do
  kvm-tsc undo                         takes back the newest correction that stands
  kvm-tsc show -- -web                 a VM whose name begins with -
  kvm-tsc --json vms | jq .            for programs

Exit status: 0 done; 1 refused, or a correction ended other than corrected, or doctor found a
failure; 2 a mistake on the command line; 3 the service does not answer; 4 not authorised; 5 no such
VM or correction, or a name that fits several; 130 Ctrl-C while waiting for a verdict, which comes
all the same.

A token is given by --token-file or in KVM_TSC_TOKEN, never on the command line, where every user
of the machine can read it.)";

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--server", options.server,
                 "unix:PATH, http://HOST:PORT or https://HOST:PORT; else KVM_TSC_SERVER, else the "
                 "first that answers of unix:" +
                     DefaultPlaces().socket +
                     " and http://127.0.0.1:" + std::to_string(DefaultPlaces().port));
  app.add_option("--token-file", options.token_file, "File with the token; else KVM_TSC_TOKEN");
  app.add_option("--user", options.user, "Log in by name, with --password-file");
  app.add_option("--password-file", options.password_file, "File with the password of --user");
  app.add_option("--cacert", options.ca_file, "Certificates (PEM) that the server's is checked by");
  app.add_option("--cert", options.certificate, "Client certificate (PEM)");
  app.add_option("--key", options.key, "Its private key (PEM)");
  app.add_flag("--json", options.json, "Print the service's JSON instead of tables");
  app.add_option("--color", options.colour, "auto, always or never (NO_COLOR is honoured)")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_option("--timeout", options.timeout, "Seconds to wait for an answer")
      ->check(CLI::Range(1, 600));
  app.set_version_flag("--version", std::string(build_info().version) + " (" +
                                        std::string(build_info().revision) + ")");
}

void exclude_each_other(const std::vector<CLI::Option*>& options) {
  for (CLI::Option* one : options) {
    for (CLI::Option* other : options) {
      if (one != other) {
        one->excludes(other);
      }
    }
  }
}

std::vector<CLI::Option*> add_goal_options(CLI::App& command, GoalOptions& goal) {
  auto* align = command
                    .add_option("--align-to", goal.align_to,
                                "All vCPUs to the most_advanced (default) or the reference")
                    ->check(CLI::IsMember({"most_advanced", "reference"}));
  auto* set = command.add_option("--set", goal.set_offset, "This offset, in ticks");
  command.add_option("--vcpu", goal.vcpu, "With --set: this vCPU alone")->needs(set);
  auto* ticks = command.add_option("--shift", goal.shift_ticks, "All vCPUs by as many ticks");
  auto* time =
      command.add_option("--shift-time", goal.shift_time, "All vCPUs by as much time, e.g. 5ms");
  auto* restore = command.add_option(
      "--restore", goal.restore_file,
      "Every vCPU to its offset in this JSON file, as the API takes it; - for standard input");
  std::vector<CLI::Option*> goals{align, set, ticks, time, restore};
  exclude_each_other(goals);
  return goals;
}

void add_consent_options(CLI::App& command, std::vector<std::string>& allow, std::string& reason,
                         bool& yes) {
  command.add_option("--allow", allow, "Do it although this speaks against it; repeatable")
      ->expected(1)
      ->allow_extra_args(false)  // or it would swallow a "--" after it
      ->take_all();
  command.add_option("--reason", reason, "Why, for the audit");
  command.add_flag("--yes,-y", yes, "Do not ask");
}

int run(int argc, char** argv) {
  CLI::App app{
      "Shows the TSC offsets of this host's KVM guests, and corrects them, through "
      "kvm-tsc-exporter.",
      "kvm-tsc"};
  app.require_subcommand(1);
  app.footer(kFooter);
  app.fallthrough();
  GlobalOptions options;
  add_global_options(app, options);
  std::function<int(const Session&)> command;

  std::string vm;
  app.add_subcommand("vms", "Every VM, the troubled ones first")->callback([&] {
    command = show_vms;
  });
  auto* show = app.add_subcommand("show", "One VM: its facts and its vCPUs");
  show->add_option("VM", vm, "Name, uuid or PID-FD")->required();
  show->callback([&] { command = [&](const Session& session) { return show_vm(session, vm); }; });

  CorrectOptions correcting;
  auto* planning = app.add_subcommand("plan", "What a correction would do; changes nothing");
  planning->add_option("VM", correcting.vm, "Name, uuid or PID-FD")->required();
  add_goal_options(*planning, correcting.goal);
  planning->callback([&] {
    command = [&](const Session& session) { return plan(session, correcting.vm, correcting.goal); };
  });
  auto* correction =
      app.add_subcommand("correct", "Shows a plan, asks, carries it out and says whether it took");
  correction->add_option("VM", correcting.vm, "Name, uuid or PID-FD")->required();
  auto* planned =
      correction->add_option("--plan", correcting.plan_id, "A plan that was made before");
  for (CLI::Option* goal : add_goal_options(*correction, correcting.goal)) {
    planned->excludes(goal);
  }
  add_consent_options(*correction, correcting.allow, correcting.reason, correcting.yes);
  correction->callback(
      [&] { command = [&](const Session& session) { return correct(session, correcting); }; });

  UndoOptions undoing;
  auto* takes_back = app.add_subcommand("undo", "Takes a correction back");
  takes_back->add_option("ID", undoing.id,
                         "The correction; otherwise the newest that still stands");
  takes_back->add_option("--vm", undoing.vm, "The newest that still stands of this VM");
  add_consent_options(*takes_back, undoing.allow, undoing.reason, undoing.yes);
  takes_back->callback(
      [&] { command = [&](const Session& session) { return undo(session, undoing); }; });

  LogOptions logging;
  auto* log =
      app.add_subcommand("log", "The audit: plans, corrections, refusals; the newest first");
  log->add_option("--vm", logging.vm, "Of this VM alone");
  log->add_option("--limit", logging.limit, "As many of the newest");
  log->add_flag("--follow,-f", logging.follow, "Oldest first, and go on as more comes");
  log->callback(
      [&] { command = [&](const Session& session) { return show_log(session, logging); }; });

  double interval = 2;
  auto* watching = app.add_subcommand("watch", "The table of VMs, drawn again and again");
  watching->add_option("--interval", interval, "Seconds")->check(CLI::Range(0.2, 3600.0));
  watching->callback(
      [&] { command = [&](const Session& session) { return watch(session, interval); }; });

  DoctorOptions host;
  auto* examining = app.add_subcommand("doctor", "What this host, kernel and user allow");
  examining->add_option("--path.procfs", host.procfs, "Where procfs is mounted");
  examining->add_option("--path.sysfs", host.sysfs, "Where sysfs is mounted");
  examining->add_option("--path.debugfs", host.debugfs, "Where debugfs is mounted");
  examining->callback(
      [&] { command = [&](const Session& session) { return doctor(session, host); }; });

  std::string shell;
  auto* completing = app.add_subcommand("completion", "Print the shell's completion");
  completing->add_option("SHELL", shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  completing->callback([&] {
    command = [&](const Session& /*session*/) {
      print(completion_script(app, shell));
      return kDone;
    };
  });

  std::string wanted;
  auto* words = app.add_subcommand("complete", "Words for the shell's completion");
  words->group("");  // for completion_script() alone
  words->add_option("WHAT", wanted)
      ->required()
      ->check(CLI::IsMember({"vms", "plans", "corrections", "objections"}));
  words->callback(
      [&] { command = [&](const Session& session) { return complete(session, wanted); }; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_mistake = error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success);
    if (const auto miss = is_mistake ? near_miss(app, {argv + 1, argv + argc}) : std::nullopt) {
      complain(*miss);
      return kUsage;
    }
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  const auto session = make_session(options);
  if (!session) {
    print(options.json ? problem_json(session.error()).dump() + "\n" : "");
    complain(session.error().text());
    return kUsage;
  }
  return command(*session);
}

}  // namespace
}  // namespace kvmtsc

int main(int argc, char** argv) {
  ::setlocale(LC_CTYPE, "");
  try {
    return kvmtsc::run(argc, argv);
  } catch (const std::exception& exception) {
    kvmtsc::complain(exception.what());
    return kvmtsc::kFailed;
  }
}
