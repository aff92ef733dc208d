#include "cli/commands.h"
#include "cli/vm_text.h"

namespace kvmtsc {

int show_vms(const Session& session) {
  const auto answer = session.client.get("/api/v1/vms");
  if (failed(answer)) {
    return explain(session, answer);
  }
  print(session.json ? answer->body.dump() + "\n" : table_of_vms(answer->body, session.coloured));
  if (field(answer->body, "complete") == false) {
    complain(why_incomplete(answer->body));
    return kFailed;
  }
  return kDone;
}

int show_vm(const Session& session, const std::string& vm) {
  const auto answer = session.client.get("/api/v1/vms/" + percent_encoded(vm));
  if (failed(answer)) {
    return explain(session, answer);
  }
  if (session.json) {
    print(answer->body.dump() + "\n");
    return kDone;
  }
  print(facts_of(answer->body) + "\n" + table_of_vcpus(answer->body, session.coloured));
  return kDone;
}

}  // namespace kvmtsc
