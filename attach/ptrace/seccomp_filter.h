// SeccompFilter: what a seccomp filter answers to a system call of which not everything is known.
//
// A filter is a program of classic BPF over struct seccomp_data (linux/seccomp.h), of which each
// word is known or not (bpf_pass.h). Pure.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "attach/ptrace/seccomp_call.h"
#include "base/result.h"

namespace kvmtsc::injection {

// What filters answer to a call: SECCOMP_RET_* and its data.
struct SeccompAnswer {
  // The most restrictive of the answers that are possible; absent when an answer is computed from
  // what is not known, so that any is.
  std::optional<std::uint32_t> worst;
  bool certain = false;  // no other answer is possible

  // The kernel makes the call: it is allowed, or allowed and logged.
  bool allows() const;
};

// "kill_process", "errno 1", "user_notif", ... An action that the kernel does not know kills.
std::string action_name(std::uint32_t answer);

class SeccompFilter {
 public:
  // kInvalid for a program that the kernel would not have let in.
  static Result<SeccompFilter> check(std::vector<sock_filter> program);

  friend bool operator==(const SeccompFilter& a, const SeccompFilter& b);

  // Every answer that the program can give; absent when one cannot be told.
  std::optional<std::set<std::uint32_t>> answers(const SeccompCall& call) const;

 private:
  explicit SeccompFilter(std::vector<sock_filter> program) : program_(std::move(program)) {}

  std::vector<sock_filter> program_;
};

// What a thread's filters answer together, the oldest first: the kernel asks all, and takes the
// most restrictive answer, of equals the newest filter's (seccomp_run_filters()).
SeccompAnswer answer_of(std::span<const SeccompFilter> filters, const SeccompCall& call);

}  // namespace kvmtsc::injection
