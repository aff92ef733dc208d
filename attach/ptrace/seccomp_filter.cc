#include "attach/ptrace/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <bitset>
#include <map>
#include <utility>

namespace kvmtsc::injection {
namespace {

using Word = std::optional<std::uint32_t>;

static_assert(sizeof(seccomp_data) == SeccompCall::kWords * sizeof(std::uint32_t));

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

// The kernel compares actions as signed numbers: the smaller restricts more.
std::int32_t rank(std::uint32_t answer) {
  return static_cast<std::int32_t>(answer & SECCOMP_RET_ACTION_FULL);
}

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

bool SeccompAnswer::allows() const {
  const std::uint32_t action = worst.value_or(0) & SECCOMP_RET_ACTION_FULL;
  return worst && (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG);
}

std::string action_name(std::uint32_t answer) {
  switch (answer & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_KILL_PROCESS:
      return "kill_process";
    case SECCOMP_RET_KILL_THREAD:
      return "kill_thread";
    case SECCOMP_RET_TRAP:
      return "trap";
    case SECCOMP_RET_ERRNO:
      return "errno " + std::to_string(answer & SECCOMP_RET_DATA);
    case SECCOMP_RET_USER_NOTIF:
      return "user_notif";
    case SECCOMP_RET_TRACE:
      return "trace";
    case SECCOMP_RET_LOG:
      return "log";
    case SECCOMP_RET_ALLOW:
      return "allow";
    default:
      return "an unknown action, which kills";
  }
}

Result<SeccompFilter> SeccompFilter::check(std::vector<sock_filter> program) {
  const Error invalid{ErrorKind::kInvalid, "not a seccomp filter that the kernel would let in", {}};
  if (program.empty() || program.size() > BPF_MAXINSNS ||
      BPF_CLASS(program.back().code) != BPF_RET) {
    return invalid;
  }
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (!is_allowed(program[i], program.size() - i - 1)) {
      return invalid;
    }
  }
  if (!reads_only_what_is_written(program)) {
    return invalid;
  }
  return SeccompFilter{std::move(program)};
}

bool operator==(const SeccompFilter& a, const SeccompFilter& b) {
  return std::ranges::equal(a.program_, b.program_,
                            [](const sock_filter& one, const sock_filter& other) {
                              return one.code == other.code && one.jt == other.jt &&
                                     one.jf == other.jf && one.k == other.k;
                            });
}

std::optional<std::set<std::uint32_t>> SeccompFilter::answers(const SeccompCall& call) const {
  Pass pass(program_, call);
  if (!pass.run()) {
    return std::nullopt;
  }
  return std::move(pass.answers());
}

SeccompAnswer answer_of(std::span<const SeccompFilter> filters, const SeccompCall& call) {
  SeccompAnswer together{SECCOMP_RET_ALLOW, true};
  for (auto filter = filters.rbegin(); filter != filters.rend(); ++filter) {
    const auto answers = filter->answers(call);
    if (!answers) {
      return {std::nullopt, false};
    }
    const std::uint32_t worst =
        *std::ranges::min_element(*answers, {}, [](std::uint32_t answer) { return rank(answer); });
    together.certain = together.certain && answers->size() == 1;
    if (rank(worst) < rank(*together.worst)) {
      together.worst = worst;
    }
  }
  return together;
}

}  // namespace kvmtsc::injection
