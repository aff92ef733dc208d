#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/ending.h"
#include "cli/figures.h"
#include "cli/vm_text.h"

namespace kvmtsc {
namespace {

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
           (field(answer->body, "complete") == false
                ? in_colour("Beware: " + why_incomplete(answer->body), Colour::kRed,
                            session.coloured) +
                      "\n\n"
                : "") +
           table_of_vms(answer->body, session.coloured);
  }
  return in_colour(answer ? "The service cannot tell; trying again."
                          : "The service does not answer; trying again.",
                   Colour::kRed, session.coloured) +
         "\n" +
         harmless(answer ? plain_text(field(answer->body, "detail")) : answer.error().message) +
         "\n";
}

}  // namespace

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
