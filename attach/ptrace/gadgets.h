// Gadgets: two pieces of code every libc holds, at whose addresses an injected call begins and
// ends.
//
//   syscall_return   0f 05 c3                  syscall; ret
//   sigreturn        (mov $15, %rax|%eax)      __restore_rt, the return path of every signal
//                    0f 05                     handler: syscall rt_sigreturn
//
// With a signal frame at the stack pointer whose return address is `sigreturn`, a thread that is
// set to `syscall_return` makes one system call and then restores itself, whether or not anyone is
// still tracing it. Nothing is ever mapped or written into the program's code.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <span>

#include "attach/ptrace/memory_map.h"
#include "attach/ptrace/tid.h"
#include "base/result.h"

namespace kvmtsc::injection {

struct Gadgets {
  RemoteAddress syscall_return;
  RemoteAddress sigreturn;
  RemoteAddress after_sigreturn = {};  // where the kernel sees rt_sigreturn come from
};

// Offset of the first such piece in `code`; absent if there is none.
std::optional<std::size_t> find_syscall_return(std::span<const std::byte> code);
std::optional<std::size_t> find_sigreturn(std::span<const std::byte> code);

// Searches the executable mappings of a process that need not be stopped. kRefused when one of the
// two is missing.
Result<Gadgets> find_gadgets(pid_t process, const MemoryMap& map);

// The gadgets of processes that are looked at again and again. Searching takes milliseconds, and
// memory traffic that slows down what follows. Whoever uses what this remembers must look whether
// they are still there, and forget it when the process could not be used.
class KnownGadgets {
 public:
  Result<Gadgets> find(pid_t process, const MemoryMap& map);
  void forget(pid_t process) { known_.erase(process); }

 private:
  std::map<pid_t, Gadgets> known_;
};

// 0 if they are where they were found; EFAULT if not, for the program may have replaced itself by
// execve() meanwhile; ESRCH if the thread is ending. Allocates nothing.
int look_again(Tid thread, const Gadgets& gadgets);

}  // namespace kvmtsc::injection
