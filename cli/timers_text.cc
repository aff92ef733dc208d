#include "cli/timers_text.h"

#include "cli/figures.h"

namespace kvmtsc {
namespace {

std::string counted(int count, const char* what) {
  return count == 0 ? std::string() : std::to_string(count) + " " + what;
}

}  // namespace

std::string timers_text(const Json& vcpus) {
  int rearmed = 0;
  int none = 0;
  int left = 0;
  std::string why;
  for (const Json& vcpu : vcpus) {
    const Json& timer = field(vcpu, "timer");
    rearmed += timer == "rearmed" ? 1 : 0;
    none += timer == "none" ? 1 : 0;
    if (timer == "not_rearmed") {
      ++left;
      why += (why.empty() ? "vCPU " : "; vCPU ") + plain_text(field(vcpu, "id")) + ": " +
             harmless(plain_text(field(vcpu, "timer_reason")));
    }
  }
  std::string text;
  for (const std::string& part : {counted(rearmed, "armed anew"), counted(none, "none armed"),
                                  counted(left, "not armed anew")}) {
    text += (text.empty() || part.empty() ? "" : ", ") + part;
  }
  return why.empty() ? text : text + " (" + why + ")";
}

}  // namespace kvmtsc
