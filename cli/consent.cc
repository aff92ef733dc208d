#include "cli/consent.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/figures.h"

namespace kvmtsc {
namespace {

bool says_yes(const std::string& question) {
  std::cout << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

bool can_be_asked(const Session& session, bool yes) {
  return !yes && !session.json && ::isatty(STDIN_FILENO) == 1;
}

}  // namespace

bool consents_to(const Session& session, const Json& objections, bool yes,
                 std::vector<std::string>& allow) {
  for (const Json& found : objections) {
    const std::string name = plain_text(field(found, "objection"));
    if (std::ranges::find(allow, name) != allow.end() || !can_be_asked(session, yes)) {
      continue;
    }
    std::string question = "\n" + name + ": ";
    question += harmless(plain_text(field(found, "detail")));
    question.append("\nAllow ").append(name).append("?");
    if (!says_yes(question)) {
      return false;
    }
    allow.push_back(name);
  }
  return true;
}

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
  return says_yes("\nDo it?");
}

}  // namespace kvmtsc
