#include "attach/ptrace/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

// From linux/ptrace.h, which does not go together with sys/ptrace.h.
constexpr unsigned long kSuspendSeccomp = 1UL << 21;

std::string name_of(Tid thread) {
  return "thread " + std::to_string(thread.value);
}

Error gone(Tid thread) {
  return Error{ErrorKind::kGone, name_of(thread) + " has ended", {}};
}

Error replaced_program(Tid thread) {
  return Error{ErrorKind::kRefused,
               name_of(thread) + " has replaced its program since it was looked at", "try again"};
}

long request(int what, Tid thread, unsigned long address, unsigned long data) {
  return ::syscall(SYS_ptrace, what, thread.value, address, data);
}

Error failed(int error_number, const char* what, Tid thread) {
  return errno_error(error_number, std::string(what) + " on " + name_of(thread));
}

Error seize_error(int error_number, const HostRoot& root, Tid thread, const AttachPolicy& policy) {
  Error error = failed(error_number, "PTRACE_SEIZE", thread);
  if (error.kind != ErrorKind::kPermission) {
    return error;
  }
  // The kernel says EPERM of a thread that is exiting as well; its executable is gone by then.
  const std::string self = root.proc + "/" + std::to_string(thread.value);
  if (const auto program = read_link(self + "/exe");
      !program && program.error().kind != ErrorKind::kPermission) {
    return gone(thread);
  }
  const auto facts = read_thread_facts(root, thread.value, thread);
  if (facts && facts->tracer != 0) {
    return Error{ErrorKind::kRefused,
                 name_of(thread) + " is already traced by process " + std::to_string(facts->tracer),
                 "end that debugger or tracer first"};
  }
  error.remedy = "run the exporter as root or with CAP_SYS_PTRACE";
  std::array<char, 16> buffer{};
  const std::string yama = root.proc + "/sys/kernel/yama/ptrace_scope";
  if (const auto scope = read_small_file_at(AT_FDCWD, yama.c_str(), buffer)) {
    const auto value = parse_u32(*scope);
    if (value && *value >= 3) {
      error.remedy = "kernel.yama.ptrace_scope is 3, which forbids tracing until the next boot";
    } else if (value && *value >= 1) {
      error.remedy += " (kernel.yama.ptrace_scope is " + std::to_string(*value) + ")";
    }
  }
  if (policy.suspend_seccomp) {
    error.remedy += "; suspending seccomp also needs CAP_SYS_ADMIN";
  }
  return error;
}

}  // namespace

Result<WaitStatus> await_status(Tid thread, MonotonicTime deadline) {
  for (;;) {
    siginfo_t info{};
    const int waited = ::waitid(P_PID, static_cast<id_t>(thread.value), &info,
                                WSTOPPED | WEXITED | WNOWAIT | __WALL);
    if (waited == 0) {
      const auto status = WaitStatus::decode(info.si_code, info.si_status);
      if (!status) {
        return Error{ErrorKind::kIo, name_of(thread) + " stopped in an unknown way", {}};
      }
      return *status;
    }
    if (errno == ECHILD) {
      return gone(thread);
    }
    if (errno != EINTR) {
      return failed(errno, "waitid", thread);
    }
    if (system_clock().monotonic() >= deadline) {  // a tick
      return Error{ErrorKind::kTimeout, name_of(thread) + " did not stop in time",
                   "it may be in an uninterruptible sleep; it was let go and runs on"};
    }
  }
}

Result<Attachment> Attachment::seize(const TracerThread& /*self*/, const HostRoot& root, Tid thread,
                                     const AttachPolicy& policy, const Gadgets& gadgets) {
  const unsigned long options =
      static_cast<unsigned long>(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) |
      (policy.suspend_seccomp ? kSuspendSeccomp : 0);
  if (request(PTRACE_SEIZE, thread, 0, options) != 0) {
    return seize_error(errno, root, thread, policy);
  }
  Attachment attachment{thread};
  if (const int error = look_again(thread, gadgets); error != 0) {
    return error == ESRCH ? gone(thread) : replaced_program(thread);
  }
  return attachment;
}

Attachment::~Attachment() {
  if (attached_ && stopped_) {
    request(PTRACE_DETACH, thread_, 0, 0);
  }
}

Status Attachment::interrupt() {
  if (request(PTRACE_INTERRUPT, thread_, 0, 0) != 0) {
    return failed(errno, "PTRACE_INTERRUPT", thread_);
  }
  return ok_status();
}

Result<Stop> Stop::await(Attachment&& attachment, MonotonicTime deadline) {
  const Tid thread = attachment.thread_;
  for (;;) {
    const auto status = await_status(thread, deadline);
    if (!status) {
      return status.error();
    }
    switch (status->kind) {
      case StopKind::kInterrupt:
        attachment.stopped_ = true;
        return Stop{std::move(attachment)};
      case StopKind::kGroupStop:
        attachment.stopped_ = true;  // so that its destructor detaches; the group stop goes on
        return Error{ErrorKind::kRefused, name_of(thread) + " is stopped by a signal",
                     "continue the process first (SIGCONT)"};
      case StopKind::kEvent:
        attachment.stopped_ = true;
        return replaced_program(thread);
      case StopKind::kEnded:
        return gone(thread);
      case StopKind::kSignal:
      case StopKind::kSyscall:
        break;
    }
    const int signal = status->kind == StopKind::kSignal ? status->signal : 0;
    if (request(PTRACE_CONT, thread, 0, static_cast<unsigned long>(signal)) != 0) {
      return failed(errno, "PTRACE_CONT", thread);
    }
  }
}

Status Stop::read_registers(user_regs_struct& into) const {
  if (::ptrace(PTRACE_GETREGS, thread().value, nullptr, &into) != 0) {
    return failed(errno, "PTRACE_GETREGS", thread());
  }
  return ok_status();
}

Result<Stop::SyscallExit> Stop::read_syscall_exit() const {
  __ptrace_syscall_info info{};
  const long size = request(static_cast<int>(PTRACE_GET_SYSCALL_INFO), thread(), sizeof info,
                            reinterpret_cast<unsigned long>(&info));
  if (size < 0) {
    return failed(errno, "PTRACE_GET_SYSCALL_INFO", thread());
  }
  if (info.op != PTRACE_SYSCALL_INFO_EXIT) {
    return Error{ErrorKind::kIo, name_of(thread()) + " is not at the exit of a system call", {}};
  }
  return SyscallExit{info.exit.rval, RemoteAddress{info.instruction_pointer},
                     RemoteAddress{info.stack_pointer}};
}

Status Stop::write_registers(const user_regs_struct& from) const {
  if (::ptrace(PTRACE_SETREGS, thread().value, nullptr, &from) != 0) {
    return failed(errno, "PTRACE_SETREGS", thread());
  }
  return ok_status();
}

Status Stop::resume_to_syscall_stop() {
  if (request(PTRACE_SYSCALL, thread(), 0, 0) != 0) {
    return failed(errno, "PTRACE_SYSCALL", thread());
  }
  attachment_.stopped_ = false;
  return ok_status();
}

Status Stop::await_syscall_stop(MonotonicTime deadline) {
  for (;;) {
    const auto status = await_status(thread(), deadline);
    if (!status) {
      return status.error();
    }
    int signal = 0;
    switch (status->kind) {
      case StopKind::kSyscall:
        attachment_.stopped_ = true;
        return ok_status();
      case StopKind::kEnded:
        return gone(thread());
      case StopKind::kSignal:
        if (status->signal != SIGSTOP) {
          attachment_.stopped_ = true;
          return Error{ErrorKind::kIo,
                       name_of(thread()) + " took signal " + std::to_string(status->signal) +
                           " inside our call",
                       {}};
        }
        signal = SIGSTOP;
        break;
      case StopKind::kInterrupt:
      case StopKind::kGroupStop:
      case StopKind::kEvent:
        break;
    }
    if (request(PTRACE_SYSCALL, thread(), 0, static_cast<unsigned long>(signal)) != 0) {
      return failed(errno, "PTRACE_SYSCALL", thread());
    }
  }
}

Status Stop::run_to_syscall_stop(MonotonicTime deadline) {
  if (auto resumed = resume_to_syscall_stop(); !resumed) {
    return resumed;
  }
  return await_syscall_stop(deadline);
}

}  // namespace kvmtsc::injection
