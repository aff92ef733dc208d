#include "collectors/proc_identifier.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/join.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "collectors/command_line.h"
#include "collectors/process.h"
#include "collectors/process_file.h"

namespace kvmtsc {
namespace {

std::string unknown_name(const VmKey& key) {
  return "vm-" + directory_name(key);
}

// What was read of one process. Its files are the same under each of its threads, but those of the
// leader are empty once it has ended before the others (pthread_exit() in main), so a thread that
// is known to live stands in for it.
class Reader {
 public:
  Reader(const HostRoot& root, pid_t pid, pid_t thread)
      : root_(root), thread_id_(thread), leader_(root, pid), thread_(root, thread) {}

  Result<std::uint64_t> start_time() const { return leader_.start_time(); }
  Result<pid_t> group_of_thread() const { return thread_.thread_group(); }

  Result<bool> holds_vm(int fd) const {
    Result<bool> found = false;
    for (const Process* process : {&leader_, &thread_}) {
      found = process->is_vm(fd);
      if (found && !*found) {
        found = process->has_vm();
      }
      if (found && *found) {
        break;
      }
    }
    return found;
  }

  std::string comm() const {
    const auto comm = leader_.comm();
    return comm ? *comm : std::string();
  }

  std::vector<std::string> arguments() const {
    for (const Process* process : {&leader_, &thread_}) {
      auto arguments = process->arguments();
      if (arguments && !arguments->empty()) {
        return std::move(*arguments);
      }
    }
    return {};
  }

  // Empty where it is not to be had: identity falls back to what else is known.
  std::string file(std::string_view path) const {
    constexpr std::size_t kLimit = std::size_t{64} * 1024;
    const auto content = read_process_file(root_, thread_id_, path, kLimit);
    return content ? *content : std::string();
  }

  std::string cgroup() const {
    const auto cgroup = thread_.cgroup();
    return cgroup ? *cgroup : std::string();
  }

 private:
  HostRoot root_;
  pid_t thread_id_;
  Process leader_;
  Process thread_;
};

}  // namespace

struct ProcIdentifier::Candidate {
  pid_t pid = 0;
  pid_t thread = 0;  // the one that led here
  bool creator = false;
  std::size_t vcpu_threads = 0;
};

struct ProcIdentifier::Outcome {
  bool changed = false;  // the process is no longer what it was at the beginning
  std::optional<VmIdentity> identity;
};

ProcIdentifier::ProcIdentifier(HostRoot root, IdentityRules rules)
    : root_(std::move(root)), rules_(std::move(rules)) {}

VmIdentity ProcIdentifier::identify(const VmKey& key, std::span<const pid_t> vcpu_threads) {
  std::vector<Candidate> found;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool changed = false;
    found = candidates(key, vcpu_threads);
    for (const Candidate& candidate : found) {
      Outcome outcome = examine(candidate, key);
      if (outcome.identity) {
        return std::move(*outcome.identity);
      }
      if (outcome.changed) {
        changed = true;
        break;
      }
    }
    if (!changed) {
      break;
    }
  }
  VmIdentity unknown;
  unknown.name = unknown_name(key);
  unknown.process_unknown = why_unknown(key, found);
  return unknown;
}

bool ProcIdentifier::owner_has_ended(const VmKey& key, std::span<const pid_t> vcpu_threads) {
  // In another PID namespace KVM's numbers are no threads of ours, dead or alive. The initial one
  // has this inode number by definition (PROC_PID_INIT_INO in linux/proc_ns.h).
  const auto space = read_link(root_.proc + "/self/ns/pid");
  return space && *space == "pid:[4026531836]" && candidates(key, vcpu_threads).empty();
}

pid_t ProcIdentifier::find_holder(const VmKey& key, const std::set<pid_t>& owners) {
  pid_t lowest = 0;
  const auto names = list_directory(root_.proc);
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    const auto number = parse_u32(name);
    if (!number || *number == 0 || *number > INT32_MAX) {
      continue;
    }
    const auto pid = static_cast<pid_t>(*number);
    if (owners.contains(pid) || (lowest != 0 && pid > lowest)) {
      continue;
    }
    if (const auto held = Process(root_, pid).is_vm(key.fd); held && *held) {
      lowest = pid;
    }
  }
  return lowest;
}

Error ProcIdentifier::why_unknown(const VmKey& key, const std::vector<Candidate>& asked) const {
  if (asked.empty()) {
    return Error{ErrorKind::kNotFound,
                 "the process that owns the VM is not to be seen: " + root_.proc +
                     " shows neither thread " + std::to_string(key.creator) + " nor a vCPU's",
                 "KVM's numbers are those of the host's PID namespace: run the service in it, with "
                 "a procfs that hides no process (hidepid), or name one with --path.procfs"};
  }
  const Candidate& first = asked.front();
  const std::string process = "process " + std::to_string(first.pid);
  const auto holds_vm = Reader(root_, first.pid, first.thread).holds_vm(key.fd);
  if (!holds_vm && holds_vm.error().kind == ErrorKind::kPermission) {
    return Error{ErrorKind::kPermission,
                 "the descriptors of " + process + ", which may own the VM, may not be read",
                 "run the service as root or with CAP_SYS_PTRACE"};
  }
  return Error{ErrorKind::kNotFound,
               process + ", which KVM names for the VM, holds no VM: its owner has ended, or " +
                   root_.proc + " is that of another PID namespace",
               "run the service in the host's PID namespace; the next sweep asks again"};
}

std::vector<ProcIdentifier::Candidate> ProcIdentifier::candidates(
    const VmKey& key, std::span<const pid_t> vcpu_threads) const {
  std::vector<Candidate> found;
  const auto candidate_of = [&](pid_t thread) -> Candidate* {
    const auto pid = Process(root_, thread).thread_group();
    if (!pid) {
      return nullptr;
    }
    const auto known = std::find_if(found.begin(), found.end(),
                                    [&](const Candidate& other) { return other.pid == *pid; });
    return known != found.end() ? &*known : &found.emplace_back(Candidate{*pid, thread, false, 0});
  };
  if (Candidate* const candidate = candidate_of(key.creator)) {
    candidate->creator = true;
  }
  std::size_t looked_at = 0;
  for (const pid_t thread : vcpu_threads) {
    if (thread <= 0) {
      continue;
    }
    if (++looked_at > kMaxThreads) {
      break;
    }
    if (Candidate* const candidate = candidate_of(thread)) {
      ++candidate->vcpu_threads;
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return a.vcpu_threads > b.vcpu_threads;  // the creator's is first among equals already
  });
  return found;
}

ProcIdentifier::Outcome ProcIdentifier::examine(const Candidate& candidate,
                                                const VmKey& key) const {
  const Reader reader(root_, candidate.pid, candidate.thread);
  const auto start = reader.start_time();
  if (!start) {
    const ErrorKind kind = start.error().kind;
    const bool ended = kind == ErrorKind::kNotFound || kind == ErrorKind::kGone;
    return {.changed = ended, .identity = std::nullopt};
  }
  auto identity = describe(candidate, key);
  const auto start_after = reader.start_time();
  const auto group_after = reader.group_of_thread();
  if (!start_after || *start_after != *start || !group_after || *group_after != candidate.pid) {
    return {.changed = true, .identity = std::nullopt};
  }
  if (identity) {
    identity->process_start = *start;
  }
  return {.changed = false, .identity = std::move(identity)};
}

std::optional<VmIdentity> ProcIdentifier::describe(const Candidate& candidate,
                                                   const VmKey& key) const {
  const Reader reader(root_, candidate.pid, candidate.thread);
  const auto holds_vm = reader.holds_vm(key.fd);
  const bool unreadable = !holds_vm && holds_vm.error().kind == ErrorKind::kPermission;
  if (!unreadable && !(holds_vm && *holds_vm)) {
    return std::nullopt;
  }
  const std::string comm = reader.comm();
  const std::vector<std::string> arguments = reader.arguments();
  const auto vmm = identify_command_line(arguments, comm, candidate.pid,
                                         [&](std::string_view path) { return reader.file(path); });
  if (unreadable && !vmm && !(candidate.creator && candidate.vcpu_threads > 0)) {
    return std::nullopt;
  }

  const auto ours =
      rules_.empty() ? std::optional<IdentityRules::Match>()
                     : rules_.match(to_valid_utf8(join(arguments, " "), Process::kMaxCommandLine),
                                    to_valid_utf8(reader.cgroup(), Process::kMaxCommandLine));
  const auto choose = [&](std::string IdentityRules::Match::*rule,
                          std::string CommandLineIdentity::*built_in) {
    if (ours && !((*ours).*rule).empty()) {
      return to_valid_utf8((*ours).*rule, kMaxText);
    }
    return vmm ? to_valid_utf8((*vmm).*built_in, kMaxText) : std::string();
  };
  VmIdentity identity;
  identity.pid = candidate.pid;
  identity.vmm = to_valid_utf8(vmm ? vmm->vmm : comm, kMaxText);
  identity.uuid = choose(&IdentityRules::Match::uuid, &CommandLineIdentity::uuid);
  identity.name = choose(&IdentityRules::Match::name, &CommandLineIdentity::name);
  if (identity.name.empty()) {
    identity.name = comm.empty()
                        ? unknown_name(key)
                        : to_valid_utf8(comm, kMaxText) + "-" + std::to_string(candidate.pid);
  }
  return identity;
}

}  // namespace kvmtsc
