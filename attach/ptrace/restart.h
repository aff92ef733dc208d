// How the kernel restarts an interrupted system call, and the two places where it needs our help.
//
// A thread that is stopped inside a system call shows orig_rax = the call's number and rax = what
// it returned so far. If rax is one of the kernel's own codes below, the kernel itself repeats the
// call when the thread goes on without running a signal handler (arch_do_signal_or_restart() in
// arch/x86/kernel/signal.c). Put back unchanged, the registers make it do so. Pure.
#pragma once

#include <sys/user.h>

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

// The registers a thread must be given if it is to go on by rt_sigreturn, after which the kernel
// restarts nothing: the restart is spelt out in rip and rax. A call that continues from a
// restart_block (nanosleep, futex, poll with a timeout) is begun anew, so that a relative timeout
// counts once more from the start; rt_sigreturn discards the block, and the only alternative is an
// EINTR the program did not expect.
user_regs_struct for_sigreturn(user_regs_struct stopped);

}  // namespace kvmtsc::injection
