#include "attach/ptrace/filter_inquiry.h"

#include <sys/syscall.h>

#include <string>
#include <utility>

#include "attach/ptrace/restart.h"

namespace kvmtsc::injection {
namespace {

std::string name_of(const FoundThread& thread) {
  return "thread " + std::to_string(thread.id.value) + " of process " +
         std::to_string(thread.process);
}

CallVerdict cannot_tell(const FoundThread& thread, const Error& why) {
  return {
      CallVerdict::Kind::kUnknown,
      Error{ErrorKind::kRefused,
            name_of(thread) + " runs under seccomp (mode " + std::to_string(thread.facts.seccomp) +
                "), which could kill the VMM for our call: its filters cannot be read, for " +
                why.message,
            why.remedy}};
}

CallVerdict denied(const FoundThread& thread, const std::string& what) {
  return {CallVerdict::Kind::kDenied,
          Error{ErrorKind::kRefused, name_of(thread) + " is under a seccomp filter that " + what,
                "have the VMM's filter allow that call, or set attach.suspend_seccomp"}};
}

Result<KnownFilters::Thread> identify(const HostRoot& root, const FoundThread& thread) {
  const auto start = read_thread_start(root, thread.process, thread.id);
  if (!start) {
    return start.error();
  }
  return KnownFilters::Thread{thread.id, *start};
}

Result<std::vector<SeccompFilter>> check_all(std::vector<std::vector<sock_filter>> programs) {
  std::vector<SeccompFilter> filters;
  filters.reserve(programs.size());
  for (auto& program : programs) {
    auto filter = SeccompFilter::check(std::move(program));
    if (!filter) {
      return filter.error();
    }
    filters.push_back(*std::move(filter));
  }
  return filters;
}

}  // namespace

CallVerdict ask_filters(const HostRoot& root, const KnownFilters& known, const FoundThread& thread,
                        std::span<const IntendedCall> calls, const Gadgets& gadgets) {
  const ThreadFacts& facts = thread.facts;
  if (facts.seccomp == 0) {
    return {CallVerdict::Kind::kUnfiltered};
  }
  if (facts.seccomp == kSeccompStrict) {
    return denied(thread, "answers kill_thread to every call but four (strict mode)");
  }
  if (!facts.seccomp_filters) {
    return cannot_tell(thread,
                       Error{ErrorKind::kUnsupported, "this kernel does not say how many there are",
                             "use Linux 5.9 or newer"});
  }
  const auto identity = identify(root, thread);
  if (!identity) {
    return cannot_tell(thread, identity.error());
  }
  const auto filters = known.find(*identity, *facts.seccomp_filters);
  if (filters == nullptr) {
    const Status readable = may_read_filters(root);
    return readable ? CallVerdict{} : cannot_tell(thread, readable.error());
  }
  if (const auto denial = injection::denial(*filters, calls, gadgets)) {
    return denied(thread, "answers " + *denial);
  }
  return {CallVerdict::Kind::kAllowed};
}

Result<Nanoseconds> learn_filters(const TracerThread& self, const HostRoot& root,
                                  KnownFilters& known, const FoundThread& thread,
                                  const Gadgets& gadgets, MonotonicTime deadline) {
  auto attachment = Attachment::seize(self, root, thread.id, AttachPolicy{}, gadgets);
  if (!attachment) {
    return attachment.error();
  }
  // Its number cannot be re-used from here on.
  const auto identity = identify(root, thread);
  if (!identity) {
    return identity.error();
  }
  const MonotonicTime begun = system_clock().monotonic();
  if (auto interrupted = attachment->interrupt(); !interrupted) {
    return interrupted.error();
  }
  const auto read = [&]() -> Result<std::vector<SeccompFilter>> {
    const auto stop = Stop::await(*std::move(attachment), deadline);
    if (!stop) {
      return stop.error();
    }
    auto programs = read_filters(*stop, thread.facts.seccomp_filters.value_or(0));
    auto filters = programs ? check_all(*std::move(programs))
                            : Result<std::vector<SeccompFilter>>(programs.error());
    if (!filters || !allows_restart(*filters)) {
      begin_wait_anew(*stop);
    }
    return filters;
  }();
  const Nanoseconds held = system_clock().monotonic() - begun;
  if (!read) {
    return read.error();
  }
  known.keep(*identity, *read);
  return held;
}

void begin_wait_anew(const Stop& stop) {
  constexpr std::uint64_t kNoSystemCall = ~std::uint64_t{0};
  user_regs_struct stopped{};
  // One that continues by restart_syscall already is allowed to.
  if (!stop.read_registers(stopped) || stopped.orig_rax == SYS_restart_syscall ||
      static_cast<std::int64_t>(stopped.rax) != -kErestartRestartBlock) {
    return;
  }
  user_regs_struct anew = for_sigreturn(stopped, stopped.orig_rax);
  anew.orig_rax = kNoSystemCall;
  (void)stop.write_registers(anew);
}

}  // namespace kvmtsc::injection
