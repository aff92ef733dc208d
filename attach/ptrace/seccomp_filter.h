// SeccompFilter: what a seccomp filter answers to a system call of which not everything is known.
//
// A filter is a program of classic BPF over struct seccomp_data (linux/seccomp.h): the call's
// number, the architecture, the instruction pointer and six arguments, sixteen 32-bit words in all.
// Each word of the call asked about is known or not. What a program computes of an unknown word is
// unknown; at a jump on an unknown value both ways are taken; where two ways meet, what they do not
// agree on is unknown. So every answer that the kernel could give is among the answers found here.
//
// Programs are those that seccomp_check_filter() in kernel/seccomp.c and bpf_check_classic() in
// net/core/filter.c let in: jumps lead forward, hence each instruction is looked at once. Pure.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace kvmtsc::injection {

// What is known of a call, in the order of struct seccomp_data (little-endian: a 64-bit value's low
// word comes first). By default nothing but that it is x86-64's.
class SeccompCall {
 public:
  static constexpr std::size_t kWords = 16;

  SeccompCall();

  std::optional<std::uint32_t>& word(std::size_t index) { return words_[index]; }
  const std::optional<std::uint32_t>& word(std::size_t index) const { return words_[index]; }

  void set_number(std::uint32_t number);
  void set_instruction_pointer(std::uint64_t address);
  void set_argument(std::size_t index, std::uint64_t value);  // 0 to 5

 private:
  void set_wide(std::size_t word, std::uint64_t value);

  std::array<std::optional<std::uint32_t>, kWords> words_;
};

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
