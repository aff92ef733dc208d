#include "cli/output.h"

#include <cstdio>

#include "cli/figures.h"
#include "cli/shell.h"

namespace kvmtsc {
namespace {

int exit_status(int http_status, bool has_candidates) {
  switch (http_status) {
    case 401:
    case 403:
      return kNotAuthorised;
    case 404:
      return kNoSuchVm;
    case 409:
      return has_candidates ? kNoSuchVm : kFailed;
    default:
      return kFailed;
  }
}

}  // namespace

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

void complain(const std::string& text) {
  std::fprintf(stderr, "kvm-tsc: %s\n", harmless(text).c_str());
}

const Json& field(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) {
    return kNull;
  }
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

Json problem_json(const Error& error) {
  return {{"detail", error.message}, {"remedy", error.remedy}};
}

// The API's remedies fit whoever speaks HTTP. What kvm-tsc has a command or an option for it says
// in its own words.
std::string remedy_of(const Answer& problem) {
  const Json& remedy = field(problem.body, "remedy");
  const Json& code = field(problem.body, "code");
  if (problem.status == 401) {
    return "give a token: --token-file FILE, or KVM_TSC_TOKEN; or a name: --user NAME "
           "--password-file FILE; or be root on the service's unix socket";
  }
  if (code == "no_such_vm") {
    const Json& meant = field(problem.body, "did_you_mean");
    return (meant.is_string() ? "did you mean " + shell_word(meant.get<std::string>()) + "? "
                              : "") +
           "`kvm-tsc vms` lists those there are";
  }
  if (code == "ambiguous_vm") {
    return "name it otherwise:";
  }
  if (problem.status == 400) {
    return "`kvm-tsc COMMAND --help` says what it takes";
  }
  return remedy.is_string() ? remedy.get<std::string>() : "";
}

int explain(const Session& session, const Error& error) {
  if (session.json) {
    print(problem_json(error).dump() + "\n");
  }
  complain(error.message);
  if (!error.remedy.empty()) {
    complain("  " + error.remedy);
  }
  if (error.kind == ErrorKind::kIo) {
    complain("  `kvm-tsc doctor` looks for more");
  }
  return kUnreachable;
}

int explain(const Session& session, const Answer& problem) {
  if (session.json) {
    print(problem.body.dump() + "\n");
  }
  const Json& detail = field(problem.body, "detail");
  complain(detail.is_string() ? detail.get<std::string>()
                              : "the service answered " + std::to_string(problem.status));
  if (const std::string remedy = remedy_of(problem); !remedy.empty()) {
    complain("  " + remedy);
  }
  if (const Json& wait = field(problem.body, "retry_after_seconds"); wait.is_number_integer()) {
    complain("  try again in " + wait_text(wait.get<long>()));
  }
  for (const Json& found : field(problem.body, "objections")) {
    complain("  --allow " + plain_text(field(found, "objection")) + "   " +
             plain_text(field(found, "detail")));
  }
  const Json& candidates = field(problem.body, "candidates");
  for (const Json& candidate : candidates) {
    complain("  " + command_for("show", plain_text(candidate)));
  }
  return exit_status(problem.status, candidates.is_array());
}

int explain(const Session& session, const Result<Answer>& failure) {
  return failure ? explain(session, *failure) : explain(session, failure.error());
}

}  // namespace kvmtsc
