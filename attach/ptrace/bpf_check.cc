#include "attach/ptrace/bpf_check.h"

#include <linux/bpf_common.h>
#include <linux/seccomp.h>

#include <bitset>
#include <cstdint>
#include <vector>

namespace kvmtsc::injection {
namespace {

bool is_allowed_code(std::uint16_t code) {
  switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
      return true;
    default:
      break;
  }
  const auto operation = BPF_OP(code);
  if ((code & ~(0xf0U | BPF_X)) == BPF_ALU) {
    return operation <= BPF_RSH || operation == BPF_XOR;
  }
  if ((code & ~(0xf0U | BPF_X)) == BPF_JMP) {
    return operation >= BPF_JEQ && operation <= BPF_JSET;
  }
  return false;
}

bool is_allowed(const sock_filter& one, std::size_t left) {
  if (!is_allowed_code(one.code)) {
    return false;
  }
  switch (BPF_CLASS(one.code)) {
    case BPF_LD:
    case BPF_LDX:
      return BPF_MODE(one.code) == BPF_ABS
                 ? one.k < sizeof(seccomp_data) && one.k % sizeof(std::uint32_t) == 0
                 : BPF_MODE(one.code) != BPF_MEM || one.k < BPF_MEMWORDS;
    case BPF_ST:
    case BPF_STX:
      return one.k < BPF_MEMWORDS;
    case BPF_ALU:
      if (BPF_SRC(one.code) == BPF_X || BPF_OP(one.code) == BPF_NEG) {
        return true;
      }
      return BPF_OP(one.code) == BPF_DIV
                 ? one.k != 0
                 : (BPF_OP(one.code) != BPF_LSH && BPF_OP(one.code) != BPF_RSH) || one.k < 32;
    case BPF_JMP:
      return BPF_OP(one.code) == BPF_JA ? one.k < left : one.jt < left && one.jf < left;
    default:
      return true;
  }
}

// Whether no way reads a word of memory that it has not written (check_load_and_stores()). A meet
// of ways has written what each has.
bool reads_only_what_is_written(std::span<const sock_filter> program) {
  using Written = std::bitset<BPF_MEMWORDS>;
  std::vector<Written> at(program.size() + 1, Written{}.set());
  Written now;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const sock_filter& one = program[i];
    now &= at[i];
    switch (BPF_CLASS(one.code)) {
      case BPF_ST:
      case BPF_STX:
        now.set(one.k);
        break;
      case BPF_LD:
      case BPF_LDX:
        if (BPF_MODE(one.code) == BPF_MEM && !now[one.k]) {
          return false;
        }
        break;
      case BPF_JMP:
        if (BPF_OP(one.code) == BPF_JA) {
          at[i + 1 + one.k] &= now;
        } else {
          at[i + 1 + one.jt] &= now;
          at[i + 1 + one.jf] &= now;
        }
        now.set();
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace

bool is_seccomp_program(std::span<const sock_filter> program) {
  if (program.empty() || program.size() > BPF_MAXINSNS ||
      BPF_CLASS(program.back().code) != BPF_RET) {
    return false;
  }
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (!is_allowed(program[i], program.size() - i - 1)) {
      return false;
    }
  }
  return reads_only_what_is_written(program);
}

}  // namespace kvmtsc::injection
