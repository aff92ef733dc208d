#include "attach/ptrace/thread_facts.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/file.h"
#include "base/parse.h"
#include "base/proc_text.h"
#include "base/unique_fd.h"

namespace kvmtsc::injection {
namespace {

std::string thread_name(pid_t process, Tid thread) {
  return "thread " + std::to_string(thread.value) + " of process " + std::to_string(process);
}

Error invalid(const char* what) {
  return Error{ErrorKind::kInvalid, std::string("unexpected content of ") + what, {}};
}

std::string thread_directory(const HostRoot& root, pid_t process, Tid thread) {
  return root.proc + "/" + std::to_string(process) + "/task/" + std::to_string(thread.value);
}

Result<std::uint64_t> read_stat_field(const std::string& path, std::size_t number) {
  std::array<char, 4096> buffer{};
  const auto text = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  if (!text) {
    return text.error();
  }
  const auto value = stat_field(*text, number);
  if (!value) {
    return invalid("/proc/<pid>/stat");
  }
  return *value;
}

}  // namespace

Result<ThreadFacts> parse_thread_facts(std::string_view status_text) {
  const auto state = status_field(status_text, "State");
  const auto tgid = status_field(status_text, "Tgid");
  const auto tracer = status_field(status_text, "TracerPid");
  const auto process_number = tgid ? parse_u32(*tgid) : std::nullopt;
  const auto tracer_number = tracer ? parse_u32(*tracer) : std::nullopt;
  if (!state || state->empty() || !process_number || !tracer_number) {
    return invalid("/proc/<pid>/status");
  }
  ThreadFacts facts;
  facts.state = state->front();
  facts.process = static_cast<pid_t>(*process_number);
  facts.tracer = static_cast<pid_t>(*tracer_number);
  // Absent on kernels built without it.
  if (const auto seccomp = status_field(status_text, "Seccomp")) {
    const auto mode = parse_u32(*seccomp);
    if (!mode) {
      return invalid("/proc/<pid>/status");
    }
    facts.seccomp = *mode;
  }
  if (const auto filters = status_field(status_text, "Seccomp_filters")) {
    facts.seccomp_filters = parse_u32(*filters);
  }
  if (const auto features = status_field(status_text, "x86_Thread_features")) {
    for (const std::string_view feature : split(*features, ' ')) {
      facts.shadow_stack = facts.shadow_stack || feature == "shstk";
    }
  }
  return facts;
}

Result<ThreadFacts> read_thread_facts(const HostRoot& root, pid_t process, Tid thread) {
  const std::string path = thread_directory(root, process, thread) + "/status";
  std::array<char, 8192> buffer{};
  const auto text = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  if (!text) {
    return text.error();
  }
  return parse_thread_facts(*text);
}

Result<std::uint64_t> read_start_time(const HostRoot& root, pid_t process) {
  return read_stat_field(root.proc + "/" + std::to_string(process) + "/stat", kStatStartTime);
}

Result<std::uint64_t> read_thread_start(const HostRoot& root, pid_t process, Tid thread) {
  return read_stat_field(thread_directory(root, process, thread) + "/stat", kStatStartTime);
}

Result<bool> is_kernel_worker(const HostRoot& root, pid_t process, Tid thread) {
  // include/linux/sched.h
  constexpr std::uint64_t kIoWorker = 0x10;      // PF_IO_WORKER
  constexpr std::uint64_t kUserWorker = 0x4000;  // PF_USER_WORKER
  const auto flags = read_stat_field(thread_directory(root, process, thread) + "/stat", kStatFlags);
  if (!flags) {
    return flags.error();
  }
  return (*flags & (kIoWorker | kUserWorker)) != 0;
}

Result<std::uint64_t> read_last_cpu(const HostRoot& root, pid_t process, Tid thread) {
  return read_stat_field(thread_directory(root, process, thread) + "/stat", kStatLastCpu);
}

Status admit(const ThreadFacts& facts, pid_t process, Tid thread) {
  const std::string name = thread_name(process, thread);
  if (facts.process != process) {
    return Error{ErrorKind::kGone,
                 "thread " + std::to_string(thread.value) + " belongs to process " +
                     std::to_string(facts.process) + ", not " + std::to_string(process),
                 "the numbers were re-used; the next sweep will find the VM anew"};
  }
  if (facts.state == 'Z' || facts.state == 'X') {
    return Error{ErrorKind::kGone, name + " has ended", {}};
  }
  if (facts.tracer != 0) {
    return Error{ErrorKind::kRefused,
                 name + " is already traced by process " + std::to_string(facts.tracer),
                 "end that debugger or tracer (strace, gdb, perf trace) first"};
  }
  if (facts.state == 'T' || facts.state == 't') {
    return Error{ErrorKind::kRefused, name + " is stopped",
                 "continue it first: kill -CONT " + std::to_string(process)};
  }
  if (facts.shadow_stack) {
    return Error{ErrorKind::kUnsupported, name + " has a user shadow stack",
                 "start the VMM without it (GLIBC_TUNABLES=glibc.cpu.x86_shstk=off)"};
  }
  return ok_status();
}

Status admit_elf_header(std::string_view first_bytes, pid_t process) {
  const std::string name = "the executable of process " + std::to_string(process);
  if (first_bytes.size() < 20 || !first_bytes.starts_with(ELFMAG)) {
    return Error{ErrorKind::kRefused, name + " is not an ELF file", {}};
  }
  const auto machine = static_cast<unsigned char>(first_bytes[18]) |
                       (static_cast<unsigned char>(first_bytes[19]) << 8);
  if (first_bytes[EI_CLASS] != ELFCLASS64 || machine != EM_X86_64) {
    return Error{ErrorKind::kRefused, name + " is not a 64-bit x86-64 program",
                 "run a 64-bit VMM; 32-bit and x32 processes are not supported"};
  }
  return ok_status();
}

Status admit_executable(const HostRoot& root, pid_t process) {
  const std::string path = root.proc + "/" + std::to_string(process) + "/exe";
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.valid()) {
    Error error = errno_error(errno, path);
    if (error.kind == ErrorKind::kNotFound) {  // an exiting process has none
      error.kind = ErrorKind::kGone;
    }
    return error;
  }
  std::array<char, 20> header{};
  const ssize_t got = ::read(file.get(), header.data(), header.size());
  if (got < 0) {
    return errno_error(errno, path);
  }
  return admit_elf_header({header.data(), static_cast<std::size_t>(got)}, process);
}

}  // namespace kvmtsc::injection
