#include "attach/ptrace/seccomp_call.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

namespace kvmtsc::injection {
namespace {

static_assert(sizeof(seccomp_data) == SeccompCall::kWords * sizeof(std::uint32_t));

}  // namespace

SeccompCall::SeccompCall() {
  words_[offsetof(seccomp_data, arch) / sizeof(std::uint32_t)] = AUDIT_ARCH_X86_64;
}

void SeccompCall::set_wide(std::size_t word, std::uint64_t value) {
  words_[word] = static_cast<std::uint32_t>(value);
  words_[word + 1] = static_cast<std::uint32_t>(value >> 32U);
}

void SeccompCall::set_number(std::uint32_t number) {
  words_[offsetof(seccomp_data, nr) / sizeof(std::uint32_t)] = number;
}

void SeccompCall::set_instruction_pointer(std::uint64_t address) {
  set_wide(offsetof(seccomp_data, instruction_pointer) / sizeof(std::uint32_t), address);
}

void SeccompCall::set_argument(std::size_t index, std::uint64_t value) {
  set_wide(offsetof(seccomp_data, args) / sizeof(std::uint32_t) + 2 * index, value);
}

}  // namespace kvmtsc::injection
