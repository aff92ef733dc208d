#include "attach/ptrace/bpf_pass.h"

#include <linux/bpf_common.h>
#include <linux/seccomp.h>

#include <array>
#include <map>
#include <utility>

namespace kvmtsc::injection {
namespace {

using Word = std::optional<std::uint32_t>;

// The registers and memory of the machine at one instruction.
struct Machine {
  Word a = 0;
  Word x = 0;
  std::array<Word, BPF_MEMWORDS> memory;

  void meet(const Machine& other) {
    const auto keep_what_agrees = [](Word& mine, const Word& others) {
      if (mine != others) {
        mine.reset();
      }
    };
    keep_what_agrees(a, other.a);
    keep_what_agrees(x, other.x);
    for (std::size_t i = 0; i < memory.size(); ++i) {
      keep_what_agrees(memory[i], other.memory[i]);
    }
  }
};

// Where the value does not depend on what is unknown. Of a division by an unknown word the caller
// takes care.
Word compute(std::uint16_t operation, Word left, Word right) {
  if ((operation == BPF_AND || operation == BPF_MUL) && (left == 0U || right == 0U)) {
    return 0;
  }
  if (!left || !right) {
    return std::nullopt;
  }
  switch (operation) {
    case BPF_ADD:
      return *left + *right;
    case BPF_SUB:
      return *left - *right;
    case BPF_MUL:
      return *left * *right;
    case BPF_DIV:
      return *left / *right;
    case BPF_OR:
      return *left | *right;
    case BPF_AND:
      return *left & *right;
    case BPF_XOR:
      return *left ^ *right;
    case BPF_LSH:
      return *left << (*right & 31U);
    case BPF_RSH:
      return *left >> (*right & 31U);
    default:
      return std::nullopt;
  }
}

std::optional<bool> holds(std::uint16_t operation, const Word& left, const Word& right) {
  if (operation == BPF_JSET && (left == 0U || right == 0U)) {
    return false;
  }
  if (!left || !right) {
    return std::nullopt;
  }
  switch (operation) {
    case BPF_JEQ:
      return *left == *right;
    case BPF_JGT:
      return *left > *right;
    case BPF_JGE:
      return *left >= *right;
    default:
      return (*left & *right) != 0;
  }
}

// One pass over a program, all ways at once.
class Pass {
 public:
  Pass(std::span<const sock_filter> program, const SeccompCall& call)
      : program_(program), call_(&call) {}

  // False when an answer depends on what is not known.
  bool run() {
    reach(0, Machine{});
    while (!ahead_.empty()) {
      const auto next = ahead_.extract(ahead_.begin());
      if (!step(next.key(), next.mapped())) {
        return false;
      }
    }
    return true;
  }
  std::set<std::uint32_t>& answers() { return answers_; }

 private:
  void reach(std::size_t at, const Machine& machine) {
    const auto [there, first] = ahead_.try_emplace(at, machine);
    if (!first) {
      there->second.meet(machine);
    }
  }

  bool step(std::size_t at, Machine& machine) {
    const sock_filter& one = program_[at];
    switch (BPF_CLASS(one.code)) {
      case BPF_RET: {
        const Word answer = BPF_RVAL(one.code) == BPF_A ? machine.a : Word{one.k};
        if (answer) {
          answers_.insert(*answer);
        }
        return answer.has_value();
      }
      case BPF_JMP:
        jump(at, machine);
        return true;
      case BPF_LD:
        machine.a = load(one, machine);
        break;
      case BPF_LDX:
        machine.x = load(one, machine);
        break;
      case BPF_ST:
        machine.memory[one.k] = machine.a;
        break;
      case BPF_STX:
        machine.memory[one.k] = machine.x;
        break;
      case BPF_ALU:
        if (!calculate(one, machine)) {
          return true;
        }
        break;
      default:  // BPF_MISC
        if (BPF_MISCOP(one.code) == BPF_TAX) {
          machine.x = machine.a;
        } else {
          machine.a = machine.x;
        }
        break;
    }
    reach(at + 1, machine);
    return true;
  }

  Word load(const sock_filter& one, const Machine& machine) const {
    switch (BPF_MODE(one.code)) {
      case BPF_ABS:
        return call_->word(one.k / sizeof(std::uint32_t));
      case BPF_MEM:
        return machine.memory[one.k];
      case BPF_LEN:
        return sizeof(seccomp_data);
      default:
        return one.k;
    }
  }

  void jump(std::size_t at, const Machine& machine) {
    const sock_filter& one = program_[at];
    if (BPF_OP(one.code) == BPF_JA) {
      reach(at + 1 + one.k, machine);
      return;
    }
    const Word right = BPF_SRC(one.code) == BPF_X ? machine.x : Word{one.k};
    const auto taken = holds(BPF_OP(one.code), machine.a, right);
    if (taken.value_or(true)) {
      reach(at + 1 + one.jt, machine);
    }
    if (!taken.value_or(false)) {
      reach(at + 1 + one.jf, machine);
    }
  }

  // False when the program ends here: a division by 0 answers 0 (bpf_convert_filter()).
  bool calculate(const sock_filter& one, Machine& machine) {
    if (BPF_OP(one.code) == BPF_NEG) {
      machine.a = compute(BPF_SUB, 0, machine.a);
      return true;
    }
    const Word right = BPF_SRC(one.code) == BPF_X ? machine.x : Word{one.k};
    if (BPF_OP(one.code) == BPF_DIV && right.value_or(0) == 0) {
      answers_.insert(0);
      if (right) {
        return false;
      }
    }
    machine.a = compute(BPF_OP(one.code), machine.a, right);
    return true;
  }

  std::span<const sock_filter> program_;
  const SeccompCall* call_;
  std::map<std::size_t, Machine> ahead_;  // jumps lead forward: the first is never reached again
  std::set<std::uint32_t> answers_;
};

}  // namespace

std::optional<std::set<std::uint32_t>> possible_answers(std::span<const sock_filter> program,
                                                        const SeccompCall& call) {
  Pass pass(program, call);
  if (!pass.run()) {
    return std::nullopt;
  }
  return std::move(pass.answers());
}

}  // namespace kvmtsc::injection
