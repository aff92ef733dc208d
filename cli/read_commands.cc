#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/unique_fd.h"
#include "cli/commands.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

// The larger, the more it deserves to be looked at.
int trouble(const Json& vm) {
  const Json& spread = field(vm, "spread_ticks");
  const Json& bound = field(vm, "bound_ticks");
  if (field(vm, "error").is_object()) {
    return 3;
  }
  // Digits alone; the longer is the larger.
  const std::string a = spread.is_string() ? spread.get<std::string>() : "0";
  const std::string b = bound.is_string() ? bound.get<std::string>() : "0";
  if (a.size() > b.size() || (a.size() == b.size() && a > b)) {
    return 2;
  }
  return field(vm, "trust") != "trusted" || field(vm, "master_clock") == false ? 1 : 0;
}

Colour colour_of(int trouble_level) {
  switch (trouble_level) {
    case 0:
      return Colour::kNone;
    case 1:
      return Colour::kYellow;
    default:
      return Colour::kRed;
  }
}

std::string table_of_vms(const Json& answer, bool coloured) {
  std::vector<Json> vms(field(answer, "vms").begin(), field(answer, "vms").end());
  std::stable_sort(vms.begin(), vms.end(),
                   [](const Json& a, const Json& b) { return trouble(a) > trouble(b); });
  Table table({"VM", ">vCPUs", ">SPREAD", ">BOUND", "MASTER CLOCK", "TRUST", ">PID", "VMM"});
  for (const Json& vm : vms) {
    const int level = trouble(vm);
    const Json& bound = field(vm, "bound_ticks");
    table.add(
        {{plain_text(field(vm, "vm")), colour_of(level)},
         {plain_text(field(vm, "vcpus"))},
         {seconds_text(field(vm, "spread_seconds")), level == 2 ? Colour::kRed : Colour::kNone},
         {bound == "0"        ? "exact"
          : bound.is_string() ? ticks_text(bound) + " ticks"
                              : "-"},
         {yes_no(field(vm, "master_clock")),
          field(vm, "master_clock") == false ? Colour::kYellow : Colour::kNone},
         {field(vm, "error").is_object() ? "unreadable" : plain_text(field(vm, "trust")),
          field(vm, "trust") == "trusted" ? Colour::kNone : Colour::kYellow},
         {plain_text(field(vm, "pid"))},
         {plain_text(field(vm, "vmm"))}});
  }
  return vms.empty() ? "No KVM guest is running on this host.\n" : table.text(coloured);
}

void print_facts(const Json& vm) {
  const auto line = [](const char* name, const std::string& value) {
    std::string padded = name;
    padded.resize(22, ' ');
    print(padded + harmless(value) + "\n");
  };
  line("VM", plain_text(field(vm, "vm")));
  line("uuid", plain_text(field(vm, "uuid")));
  line("process", plain_text(field(vm, "pid")) + " (" + plain_text(field(vm, "vmm")) +
                      "), debugfs " + plain_text(field(vm, "directory")));
  line("read", plain_text(field(vm, "taken")) + ", sweep " + plain_text(field(vm, "sequence")));
  line("trust", plain_text(field(vm, "trust")));
  line("spread", seconds_text(field(vm, "spread_seconds")) + " (" +
                     ticks_text(field(vm, "spread_ticks")) + " ticks, +/- " +
                     ticks_text(field(vm, "bound_ticks")) + ")");
  line("reference vCPU", plain_text(field(vm, "reference")));
  line("master clock", yes_no(field(vm, "master_clock")));
  line("kvmclock divergence", seconds_text(field(vm, "kvmclock_divergence_seconds"), true) +
                                  " +/- " +
                                  seconds_text(field(vm, "kvmclock_divergence_bound_seconds")));
  line("frequency", plain_text(field(vm, "frequency_hertz")) + " Hz +/- " +
                        plain_text(field(vm, "frequency_bound_hertz")));
  for (const char* error : {"error", "clock_error"}) {
    if (const Json& found = field(vm, error); found.is_object()) {
      line(error, plain_text(field(found, "message")) + "; " + plain_text(field(found, "remedy")));
    }
  }
}

std::string table_of_vcpus(const Json& vm, bool coloured) {
  Table table({">vCPU", ">OFFSET", ">SKEW TICKS", ">SKEW", ">DRIFT", ">STEPS", "TRUST"});
  for (const Json& vcpu : field(vm, "vcpu_list")) {
    const Json& skew = field(vcpu, "skew_ticks");
    table.add({{plain_text(field(vcpu, "id"))},
               {ticks_text(field(vcpu, "offset"))},
               {ticks_text(skew), skew.is_string() && skew != "0" ? Colour::kRed : Colour::kNone},
               {seconds_text(field(vcpu, "skew_seconds"), true)},
               {plain_text(field(vcpu, "drift"))},
               {plain_text(field(vcpu, "steps"))},
               {plain_text(field(vcpu, "trust"))}});
  }
  return table.text(coloured);
}

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

// Blocks SIGINT and SIGTERM and makes them readable.
class Ending {
 public:
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  Ending() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    fd_ = UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
  }
  // True when a signal has come within that time.
  bool comes_within(double seconds) const {
    pollfd waited{fd_.get(), POLLIN, 0};
    return ::poll(&waited, 1, static_cast<int>(seconds * 1000)) > 0;
  }

 private:
  UniqueFd fd_;
};

// The terminal's other screen, for as long as this lives.
class OtherScreen {
 public:
  explicit OtherScreen(bool on) : on_(on) {
    if (on_) {
      print("\033[?1049h\033[?25l");
    }
  }
  ~OtherScreen() {
    if (on_) {
      print("\033[?25h\033[?1049l");
      std::fflush(stdout);
    }
  }
  OtherScreen(const OtherScreen&) = delete;
  OtherScreen& operator=(const OtherScreen&) = delete;
  // What does not fit the terminal is cut off: a line that wraps would tear the table.
  void show(const std::string& text) const {
    winsize size{};
    const bool known = on_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    print(on_ ? "\033[H\033[2J" : "");
    print(known ? clipped(text, size.ws_col, size.ws_row > 1 ? size.ws_row - 1U : 1U) : text);
    std::fflush(stdout);
  }

 private:
  bool on_;
};

// Of --json: the answer, or what is wrong.
std::string line_of(const Result<Answer>& answer) {
  return (answer ? answer->body : problem_json(answer.error())).dump() + "\n";
}

std::string picture_of(const Session& session, const Result<Answer>& answer) {
  if (answer && !is_problem(*answer)) {
    return "kvm-tsc watch  " + session.client.server() + "  " +
           plain_text(field(answer->body, "taken")) + "  (Ctrl-C ends)\n\n" +
           table_of_vms(answer->body, session.coloured);
  }
  return in_colour("The service does not answer; trying again.", Colour::kRed, session.coloured) +
         "\n" +
         harmless(answer ? plain_text(field(answer->body, "detail")) : answer.error().message) +
         "\n";
}

}  // namespace

int show_vms(const Session& session) {
  const auto answer = session.client.get("/api/v1/vms");
  if (!answer) {
    return explain(session, answer.error());
  }
  if (is_problem(*answer)) {
    return explain(session, *answer);
  }
  print(session.json ? answer->body.dump() + "\n" : table_of_vms(answer->body, session.coloured));
  return kDone;
}

int show_vm(const Session& session, const std::string& vm) {
  const auto answer = session.client.get("/api/v1/vms/" + percent_encoded(vm));
  if (!answer) {
    return explain(session, answer.error());
  }
  if (is_problem(*answer)) {
    return explain(session, *answer);
  }
  if (session.json) {
    print(answer->body.dump() + "\n");
    return kDone;
  }
  print_facts(answer->body);
  print("\n" + table_of_vcpus(answer->body, session.coloured));
  return kDone;
}

int show_log(const Session& session, const LogOptions& options) {
  const auto ending = options.follow ? std::make_optional<Ending>() : std::nullopt;
  std::string after = "0";
  // The newest are at the end: pages are read until there are no more, and the last lines shown.
  std::vector<Json> events;
  bool first = true;
  while (true) {
    const auto answer = session.client.get("/api/v1/audit?limit=1000&after=" + after +
                                           "&vm=" + percent_encoded(options.vm));
    if (!answer) {
      return explain(session, answer.error());
    }
    if (is_problem(*answer)) {
      return explain(session, *answer);
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

int watch(const Session& session, double interval_seconds) {
  const Ending ending;
  const OtherScreen screen(::isatty(STDOUT_FILENO) == 1 && !session.json);
  do {
    const auto answer = session.client.get("/api/v1/vms");
    screen.show(session.json ? line_of(answer) : picture_of(session, answer));
  } while (!ending.comes_within(interval_seconds));
  return kDone;
}

}  // namespace kvmtsc
