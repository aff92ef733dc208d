// What every command has: the client, how to print, and the exit status of what it was told.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/table.h"

namespace kvmtsc {

enum ExitStatus {
  kDone = 0,
  kFailed = 1,         // refused, ended other than corrected, or doctor found a failure
  kUsage = 2,          // as CLI11 has it
  kUnreachable = 3,    // no answer, or none of the API
  kNotAuthorised = 4,  // 401 or 403
  kNoSuchVm = 5,       // 404, or a name that fits several
  kInterrupted = 130,  // by Ctrl-C, as shells have it
};

struct Session {
  ApiClient client;
  bool json = false;
  bool coloured = false;  // of standard output
  std::string server_by;  // how client.server() was chosen, in words
};

using Json = nlohmann::json;

void print(const std::string& text);
// A line on standard error, after "kvm-tsc: ".
void complain(const std::string& text);

// As the API puts it: {"detail", "remedy"}.
Json problem_json(const Error& error);

// Says what went wrong and what to do about it, and gives the status. `json` prints the problem as
// it came.
int explain(const Session& session, const Error& error);
int explain(const Session& session, const Answer& problem);

inline bool is_problem(const Answer& answer) {
  return answer.status >= 400;
}

// Whether there is no answer, or only a problem; then explain() says which.
inline bool failed(const Result<Answer>& answer) {
  return !answer || is_problem(*answer);
}
int explain(const Session& session, const Result<Answer>& failure);

// What to do about a problem, in the words of this program; empty where nothing is known.
std::string remedy_of(const Answer& problem);

// A field, or null where there is none or `object` is none.
const Json& field(const Json& object, const char* name);

}  // namespace kvmtsc
