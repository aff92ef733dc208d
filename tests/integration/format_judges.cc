#include "tests/integration/format_judges.h"

#include "base/parse.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{10000};
// Debian's own, which is the one that its python3-prometheus-client serves.
constexpr const char* kPython = "/usr/bin/python3";

}  // namespace

std::string promtool_complaints(const std::string& text) {
  const auto checked =
      run_program({prometheus_program("promtool"), "check", "metrics"}, text, kPatience);
  if (!checked) {
    return checked.error().text();
  }
  const std::string said = checked->output + checked->error_output;
  return said.empty() && checked->status.code != 0 ? "it fails and says nothing" : said;
}

std::optional<std::string> missing_openmetrics_parser() {
  const auto module = run_program({kPython, "-c", "import prometheus_client"}, "", kPatience);
  if (!module || module->status.code != 0) {
    return "python3-prometheus-client (scripts/install-packages.sh test)";
  }
  return std::nullopt;
}

Result<std::size_t> count_openmetrics_samples(const std::string& text) {
  if (!text.ends_with("# EOF\n")) {
    return Error{ErrorKind::kInvalid, "it does not end in # EOF", ""};
  }
  // Without the newline that run_program() adds, for nothing may follow # EOF.
  const auto checked =
      run_program({kPython, KVM_TSC_CHECK_OPENMETRICS}, text.substr(0, text.size() - 1), kPatience);
  if (!checked) {
    return checked.error();
  }
  const auto count = parse_u64(checked->output);
  if (checked->status.code != 0 || !count) {
    return Error{ErrorKind::kInvalid, checked->error_output, ""};
  }
  return std::size_t{*count};
}

}  // namespace kvmtsc::integration
