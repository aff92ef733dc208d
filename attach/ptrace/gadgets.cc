#include "attach/ptrace/gadgets.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <vector>

#include "attach/ptrace/remote_memory.h"

namespace kvmtsc::injection {
namespace {

template <typename... Values>
constexpr auto bytes(Values... values) {
  return std::array<std::byte, sizeof...(values)>{static_cast<std::byte>(values)...};
}

constexpr auto kSyscallReturn = bytes(0x0f, 0x05, 0xc3);
// The two encodings compilers and C libraries use for the number of rt_sigreturn.
constexpr auto kSigreturnRax = bytes(0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05);
constexpr auto kSigreturnEax = bytes(0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05);

// Read a piece at a time, with an overlap so that no gadget is cut in two.
constexpr std::size_t kPiece = std::size_t{256} * 1024;
constexpr std::size_t kOverlap = kSigreturnRax.size() - 1;

template <std::size_t N>
std::optional<std::size_t> find(std::span<const std::byte> code,
                                const std::array<std::byte, N>& what) {
  if (code.empty()) {  // memmem() takes no null pointer, even of nothing
    return std::nullopt;
  }
  const void* const at = ::memmem(code.data(), code.size(), what.data(), what.size());
  if (at == nullptr) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(static_cast<const std::byte*>(at) - code.data());
}

// Libraries first: the C library is where both are, and a VMM's own text can be huge.
bool worth_searching_first(const Mapping& mapping) {
  return mapping.name == "[vdso]" || mapping.name.find("/libc") != std::string::npos ||
         mapping.name.find("/ld-musl") != std::string::npos;
}

}  // namespace

std::optional<std::size_t> find_syscall_return(std::span<const std::byte> code) {
  return find(code, kSyscallReturn);
}

std::optional<std::size_t> find_sigreturn(std::span<const std::byte> code) {
  const auto rax = find(code, kSigreturnRax);
  return rax ? rax : find(code, kSigreturnEax);
}

Result<Gadgets> find_gadgets(pid_t process, const MemoryMap& map) {
  std::vector<const Mapping*> order;
  for (const Mapping& mapping : map.mappings()) {
    if (mapping.readable && mapping.executable && mapping.name != "[vsyscall]") {
      order.push_back(&mapping);
    }
  }
  std::stable_partition(order.begin(), order.end(),
                        [](const Mapping* m) { return worth_searching_first(*m); });
  std::optional<RemoteAddress> syscall_return;
  std::optional<RemoteAddress> sigreturn;
  RemoteAddress after_sigreturn;
  std::vector<std::byte> piece(kPiece + kOverlap);
  bool any_code = false;
  for (const Mapping* mapping : order) {
    for (RemoteAddress at = mapping->begin; at < mapping->end; at = at + kPiece) {
      const std::size_t size = std::min(piece.size(), mapping->end.value - at.value);
      const std::span<std::byte> code{piece.data(), size};
      if (const int error = read_memory(Tid{process}, at, code); error == ESRCH) {
        return Error{ErrorKind::kGone, "process " + std::to_string(process) + " is ending", {}};
      } else if (error != 0) {
        break;  // unmapped meanwhile, or a device's memory
      }
      any_code = true;
      if (const auto found = find_syscall_return(code); found && !syscall_return) {
        syscall_return = at + *found;
      }
      if (const auto found = find_sigreturn(code); found && !sigreturn) {
        sigreturn = at + *found;
        after_sigreturn =
            *sigreturn +
            (code[*found] == kSigreturnRax.front() ? kSigreturnRax.size() : kSigreturnEax.size());
      }
      if (syscall_return && sigreturn) {
        return Gadgets{*syscall_return, *sigreturn, after_sigreturn};
      }
    }
  }
  if (!any_code) {
    // It has given up its memory, which it does before anything else tells that it has ended.
    return Error{ErrorKind::kGone, "process " + std::to_string(process) + " is ending", {}};
  }
  return Error{ErrorKind::kRefused,
               "process " + std::to_string(process) +
                   " holds no code from which a call could return safely (" +
                   (syscall_return ? "no rt_sigreturn" : "no syscall; ret") + ")",
               "use a VMM built with an ordinary C library, or its agent library"};
}

Result<Gadgets> KnownGadgets::find(pid_t process, const MemoryMap& map) {
  constexpr std::size_t kMost = 4096;  // more processes than a host has VMs: most have ended
  if (const auto known = known_.find(process); known != known_.end()) {
    return known->second;
  }
  auto found = find_gadgets(process, map);
  if (found) {
    if (known_.size() >= kMost) {
      known_.clear();
    }
    known_.emplace(process, *found);
  }
  return found;
}

int look_again(Tid thread, const Gadgets& gadgets) {
  std::array<std::byte, kSyscallReturn.size()> first{};
  // As much as both forms have at least; the longer one is certain by then.
  std::array<std::byte, kSigreturnEax.size()> second{};
  if (const int error = read_memory(thread, gadgets.syscall_return, first); error != 0) {
    return error;
  }
  if (const int error = read_memory(thread, gadgets.sigreturn, second); error != 0) {
    return error;
  }
  const bool intact =
      first == kSyscallReturn &&
      (second == kSigreturnEax || std::equal(second.begin(), second.end(), kSigreturnRax.begin()));
  return intact ? 0 : EFAULT;
}

}  // namespace kvmtsc::injection
