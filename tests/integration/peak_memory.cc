#include "tests/integration/peak_memory.h"

#include <string>
#include <string_view>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::integration {

Result<double> peak_resident_mib(pid_t pid) {
  constexpr std::string_view kPeak = "VmHWM:";
  constexpr double kKibInMib = 1024;
  const auto status = read_file("/proc/" + std::to_string(pid) + "/status", std::size_t{64} * 1024);
  if (!status) {
    return status.error();
  }
  for (const std::string_view line : split(*status, '\n')) {
    if (line.starts_with(kPeak)) {
      const std::string_view size = trim(line.substr(kPeak.size()));
      if (const auto kib = parse_u64(size.substr(0, size.find(' ')))) {
        return static_cast<double>(*kib) / kKibInMib;
      }
    }
  }
  return Error{ErrorKind::kInvalid, "no VmHWM of process " + std::to_string(pid), {}};
}

}  // namespace kvmtsc::integration
