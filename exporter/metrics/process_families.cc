#include "exporter/metrics/process_families.h"

#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "base/file.h"
#include "base/parse.h"
#include "exporter/metrics/family.h"

namespace kvmtsc {
namespace {

void append_gauge(Families& families, const char* name, const char* help, double value) {
  auto family = gauge(name, help);
  family.add({}, value);
  family.append_to(families);
}

// Fields of /proc/self/stat from the third on, by their numbers in proc_pid_stat(5). The second,
// the command in parentheses, may hold anything.
std::vector<std::string_view> stat_fields(std::string_view stat) {
  const auto end_of_command = stat.rfind(") ");
  return end_of_command == std::string_view::npos
             ? std::vector<std::string_view>{}
             : split(trim(stat.substr(end_of_command + 2)), ' ');
}

// Seconds after the epoch at which the host booted (/proc/stat, btime).
double boot_time() {
  constexpr std::size_t kMaxStat = std::size_t{16} * 1024 * 1024;
  if (const auto stat = read_file("/proc/stat", kMaxStat)) {
    for (const auto line : split(*stat, '\n')) {
      if (line.starts_with("btime ")) {
        return static_cast<double>(parse_u64(line.substr(6)).value_or(0));
      }
    }
  }
  return 0;
}

void append_from_stat(Families& families) {
  const auto stat = read_file("/proc/self/stat", 4096);
  if (!stat) {
    return;
  }
  const auto fields = stat_fields(*stat);
  const auto field = [&](std::size_t number) {
    return number - 3 < fields.size() ? parse_u64(fields[number - 3]) : std::nullopt;
  };
  const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto user = field(14);
  const auto system = field(15);
  if (user && system) {
    auto cpu = counter("process_cpu_seconds_total", "Total user and system CPU time spent.");
    cpu.add({}, static_cast<double>(*user + *system) / tick);
    cpu.append_to(families);
  }
  if (const auto start = field(22)) {
    static const double booted = boot_time();
    append_gauge(families, "process_start_time_seconds",
                 "Start time of the process, in seconds after the epoch.",
                 booted + static_cast<double>(*start) / tick);
  }
  if (const auto size = field(23)) {
    append_gauge(families, "process_virtual_memory_bytes", "Virtual memory size.",
                 static_cast<double>(*size));
  }
  if (const auto pages = field(24)) {
    append_gauge(families, "process_resident_memory_bytes", "Resident memory size.",
                 static_cast<double>(*pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
}

Families read_families() {
  Families families;
  append_from_stat(families);
  if (const auto fds = list_directory("/proc/self/fd")) {
    // Listing them takes one more.
    append_gauge(families, "process_open_fds", "Open file descriptors.",
                 static_cast<double>(fds->size() - 1));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    append_gauge(families, "process_max_fds", "Most file descriptors that may be open at once.",
                 static_cast<double>(limit.rlim_cur));
  }
  return families;
}

}  // namespace

void ProcessFamilies::append_to(Families& families) {
  const std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_->monotonic();
  if (!read_at_ || now - *read_at_ >= std::chrono::seconds(1)) {
    read_ = read_families();
    read_at_ = now;
  }
  families.insert(families.end(), read_.begin(), read_.end());
}

}  // namespace kvmtsc
