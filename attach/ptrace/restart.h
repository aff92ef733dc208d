// How the kernel restarts an interrupted system call, and the two places where it needs our help.
//
// A thread that is stopped inside a system call shows orig_rax = the call's number and rax = what
// it returned so far. If rax is one of the kernel's own codes below, the kernel itself repeats the
// call when the thread goes on without running a signal handler (arch_do_signal_or_restart() in
// arch/x86/kernel/signal.c). Put back unchanged, the registers make it do so. Pure.
#pragma once

#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace kvmtsc::injection {

// include/linux/errno.h; never seen by the program itself.
inline constexpr long kErestartSys = 512;
inline constexpr long kErestartNoIntr = 513;
inline constexpr long kErestartNoHand = 514;
inline constexpr long kErestartRestartBlock = 516;

// Some calls say EINTR for any interruption, ours included, where the program would have slept on
// (signal(7), "Interruption of system calls and library functions by stop signals"): epoll_wait,
// epoll_pwait, epoll_pwait2, rt_sigtimedwait, semop, semtimedop. Those that wait without a timeout
// are given the kernel's code for "repeat unless a handler runs", which is what would have
// happened. With a timeout the call is left alone, for nothing tells what is left of it.
user_regs_struct without_our_eintr(user_regs_struct stopped);

// True when a thread continues a timed wait by restart_syscall(2), because it was interrupted in it
// before: its registers then hold the arguments of the call but no longer its number.
bool continues_by_restart_block(const user_regs_struct& stopped);

// True when a thread is about to do so: the kernel has prepared the restart, and the thread was
// stopped again before it could begin. `code_ahead` is what lies at rip.
inline constexpr std::size_t kSyscallBytes = 2;
bool is_about_to_continue(const user_regs_struct& stopped, std::span<const std::byte> code_ahead);

// Whether a call continues from a restart_block when it is interrupted.
bool has_restart_block(std::uint64_t call);

// The number of the call that such a thread began, from the code that ends with its `syscall`
// instruction: of the few calls that continue from a restart_block, the one whose number is loaded
// last. Absent when the code does not show it.
inline constexpr std::size_t kCodeBeforeCall = 32;
std::optional<std::uint64_t> call_begun(std::span<const std::byte> code);

// The registers a thread must be given if it is to go on by rt_sigreturn, after which the kernel
// restarts nothing: the restart of `call` is spelt out in rip and rax. A call that continues from a
// restart_block (nanosleep, futex, poll with a timeout) is begun anew, so that a relative timeout
// counts once more from the start; rt_sigreturn discards the block, and the only alternative is an
// EINTR the program did not expect. `call` is orig_rax, or call_begun().
user_regs_struct for_sigreturn(user_regs_struct stopped, std::uint64_t call);

}  // namespace kvmtsc::injection
