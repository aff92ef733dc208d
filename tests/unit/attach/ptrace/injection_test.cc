// The pure parts of an injection: stops, code to return through, restarts, frames.
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "attach/ptrace/gadgets.h"
#include "attach/ptrace/restart.h"
#include "attach/ptrace/rseq.h"
#include "attach/ptrace/signal_frame.h"
#include "attach/ptrace/wait_status.h"

namespace kvmtsc::injection {
namespace {

StopKind kind(int code, int status) {
  const auto decoded = WaitStatus::decode(code, status);
  return decoded ? decoded->kind : StopKind::kEvent;
}

TEST(WaitStatusTest, TellsStopsApart) {
  EXPECT_EQ(kind(CLD_TRAPPED, SIGTRAP | 0x80), StopKind::kSyscall);
  EXPECT_EQ(kind(CLD_TRAPPED, SIGTRAP | (PTRACE_EVENT_STOP << 8)), StopKind::kInterrupt);
  EXPECT_EQ(kind(CLD_TRAPPED, SIGSTOP | (PTRACE_EVENT_STOP << 8)), StopKind::kGroupStop);
  EXPECT_EQ(kind(CLD_STOPPED, SIGTSTP | (PTRACE_EVENT_STOP << 8)), StopKind::kGroupStop);
  EXPECT_EQ(kind(CLD_TRAPPED, SIGUSR1), StopKind::kSignal);
  EXPECT_EQ(kind(CLD_TRAPPED, SIGTRAP), StopKind::kSignal);
  EXPECT_EQ(kind(CLD_TRAPPED, SIGTRAP | (PTRACE_EVENT_EXEC << 8)), StopKind::kEvent);
  EXPECT_EQ(kind(CLD_EXITED, 0), StopKind::kEnded);
  EXPECT_EQ(kind(CLD_KILLED, SIGKILL), StopKind::kEnded);
  EXPECT_EQ(kind(CLD_DUMPED, SIGSEGV), StopKind::kEnded);
  EXPECT_EQ(WaitStatus::decode(CLD_TRAPPED, SIGUSR2)->signal, SIGUSR2);
  EXPECT_FALSE(WaitStatus::decode(CLD_CONTINUED, SIGCONT));
  EXPECT_FALSE(WaitStatus::decode(CLD_TRAPPED, 0));
}

std::vector<std::byte> code(const std::vector<int>& values) {
  std::vector<std::byte> bytes;
  for (const int value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

TEST(GadgetsTest, AreFoundAtAnyOffset) {
  EXPECT_EQ(find_syscall_return(code({0x90, 0x0f, 0x05, 0x0f, 0x05, 0xc3})), 3U);
  EXPECT_FALSE(find_syscall_return(code({0x0f, 0x05, 0x48, 0xc3})));
  EXPECT_FALSE(find_syscall_return({}));
  EXPECT_EQ(find_sigreturn(code({0x90, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05})), 1U);
  EXPECT_EQ(find_sigreturn(code({0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05})), 0U);
  EXPECT_FALSE(find_sigreturn(code({0xb8, 0x10, 0, 0, 0, 0x0f, 0x05})));
  EXPECT_FALSE(find_sigreturn(code({0xb8, 0x0f, 0, 0, 0, 0x0f})));
}

user_regs_struct stopped_in(std::uint64_t call, long result) {
  user_regs_struct regs{};
  regs.orig_rax = call;
  regs.rax = static_cast<std::uint64_t>(result);
  regs.rip = 0x1002;
  return regs;
}

TEST(RestartTest, RestartsAreSpeltOutForSigreturn) {
  for (const long code : {kErestartSys, kErestartNoIntr, kErestartNoHand, kErestartRestartBlock}) {
    const auto regs = for_sigreturn(stopped_in(SYS_ppoll, -code), SYS_ppoll);
    EXPECT_EQ(regs.rip, 0x1000U) << code;
    EXPECT_EQ(regs.rax, static_cast<std::uint64_t>(SYS_ppoll)) << code;
  }
}

TEST(RestartTest, WhatNeedsNoRestartStaysAsItIs) {
  for (const long result : {0L, 5L, long{-EINTR}, long{-EAGAIN}, -511L, -515L}) {
    const auto regs = for_sigreturn(stopped_in(SYS_ioctl, result), SYS_ioctl);
    EXPECT_EQ(regs.rip, 0x1002U) << result;
    EXPECT_EQ(regs.rax, static_cast<std::uint64_t>(result));
  }
  // In user space rax is the program's, whatever it holds.
  const auto regs = for_sigreturn(stopped_in(~0ULL, -kErestartSys), ~0ULL);
  EXPECT_EQ(regs.rip, 0x1002U);
}

TEST(RestartTest, OurInterruptionIsHiddenFromWaitsWithoutTimeout) {
  const auto hidden = [](user_regs_struct regs) {
    return static_cast<long>(without_our_eintr(regs).rax) == -kErestartNoHand;
  };
  auto regs = stopped_in(SYS_epoll_wait, -EINTR);
  regs.r10 = 0xffffffff;  // an int of -1
  EXPECT_TRUE(hidden(regs));
  regs.r10 = 1000;
  EXPECT_FALSE(hidden(regs));
  EXPECT_TRUE(hidden(stopped_in(SYS_epoll_pwait2, -EINTR)));
  EXPECT_TRUE(hidden(stopped_in(SYS_rt_sigtimedwait, -EINTR)));
  regs = stopped_in(SYS_rt_sigtimedwait, -EINTR);
  regs.rdx = 0x7000;
  EXPECT_FALSE(hidden(regs));
  EXPECT_TRUE(hidden(stopped_in(SYS_semop, -EINTR)));
  EXPECT_FALSE(hidden(stopped_in(SYS_ioctl, -EINTR)));  // KVM_RUN
  EXPECT_FALSE(hidden(stopped_in(SYS_semop, 0)));
  EXPECT_FALSE(hidden(stopped_in(~0ULL, -EINTR)));
}

TEST(RestartTest, TheCallThatWasBegunIsFoundInItsCode) {
  EXPECT_TRUE(continues_by_restart_block(stopped_in(SYS_restart_syscall, -kErestartRestartBlock)));
  EXPECT_FALSE(continues_by_restart_block(stopped_in(SYS_poll, -kErestartRestartBlock)));
  EXPECT_FALSE(continues_by_restart_block(stopped_in(SYS_restart_syscall, 0)));
  // mov $202, %eax; syscall
  EXPECT_EQ(call_begun(code({0xb8, 0xca, 0, 0, 0, 0x0f, 0x05})), std::uint64_t{SYS_futex});
  // mov $230, %rax; xor %r10d, %r10d; syscall
  EXPECT_EQ(call_begun(code({0x48, 0xc7, 0xc0, 0xe6, 0, 0, 0, 0x45, 0x31, 0xd2, 0x0f, 0x05})),
            std::uint64_t{SYS_clock_nanosleep});
  // The last one counts, and only calls that have a restart block.
  EXPECT_EQ(call_begun(code({0xb8, 0x23, 0, 0, 0, 0xb8, 0x07, 0, 0, 0, 0x0f, 0x05})),
            std::uint64_t{SYS_poll});
  EXPECT_FALSE(call_begun(code({0xb8, 0x01, 0, 0, 0, 0x0f, 0x05})));
  EXPECT_FALSE(call_begun(code({0x0f, 0x05})));
  EXPECT_FALSE(call_begun({}));
}

TEST(RestartTest, AThreadStoppedBetweenPreparingAndBeginningARestartIsRecognised) {
  const std::array<std::byte, 2> syscall{std::byte{0x0f}, std::byte{0x05}};
  const std::array<std::byte, 2> other{std::byte{0x0f}, std::byte{0x0b}};
  // The kernel leaves orig_rax alone when it writes rax.
  const auto prepared = stopped_in(SYS_futex, SYS_restart_syscall);
  EXPECT_TRUE(is_about_to_continue(prepared, syscall));
  EXPECT_FALSE(is_about_to_continue(prepared, other));
  EXPECT_FALSE(is_about_to_continue(prepared, {}));
  EXPECT_FALSE(is_about_to_continue(stopped_in(SYS_futex, SYS_futex), syscall));
  EXPECT_TRUE(has_restart_block(SYS_futex));
  EXPECT_FALSE(has_restart_block(SYS_restart_syscall));
  EXPECT_FALSE(has_restart_block(~0ULL));
}

TEST(RseqTest, InsideASequenceOnlyTheAbortHandlerIsRight) {
  const RestartableSequence sequence{0, 0, 0x1000, 0x20, 0x9000};
  EXPECT_FALSE(abort_address(sequence, RemoteAddress{0xfff}));
  EXPECT_EQ(abort_address(sequence, RemoteAddress{0x1000})->value, 0x9000U);
  EXPECT_EQ(abort_address(sequence, RemoteAddress{0x101f})->value, 0x9000U);
  EXPECT_FALSE(abort_address(sequence, RemoteAddress{0x1020}));
}

std::vector<std::byte> xsave_image(std::size_t size, std::uint64_t components) {
  std::vector<std::byte> image(size);
  std::memcpy(image.data() + 512, &components, sizeof components);
  return image;
}

TEST(SignalFrameTest, OnlyTheStateInUseIsCounted) {
  EXPECT_EQ(*used_xsave_bytes(xsave_image(4096, 3)), 576U);
  EXPECT_EQ(*used_xsave_bytes(xsave_image(576, 0)), 576U);
  EXPECT_FALSE(used_xsave_bytes(xsave_image(576, 1ULL << 61)));  // no such component
  EXPECT_FALSE(used_xsave_bytes(std::vector<std::byte>(575)));
  if (__builtin_cpu_supports("avx")) {
    EXPECT_EQ(*used_xsave_bytes(xsave_image(4096, 7)), 832U);
    EXPECT_FALSE(used_xsave_bytes(xsave_image(576, 7)));  // it would lie beyond the end
  }
}

TEST(SignalFrameTest, AsksFirstForAllButTheTiles) {
  const std::size_t first = xsave_bytes_without_tiles();
  EXPECT_EQ(first % 8, 0U);  // or the kernel declines: registers have 8 bytes
  EXPECT_GE(first, 576U);
  EXPECT_LE(first, 4096U);
  EXPECT_FALSE(used_xsave_bytes(xsave_image(first, 1ULL << 18)));  // so that all is asked for
}

TEST(SignalFrameTest, LiesBelowTheRedZoneAndIsAligned) {
  for (const std::uint64_t sp : {0x7ffd0000ULL, 0x7ffd0008ULL, 0x7ffd003fULL}) {
    const FrameLayout layout = lay_out(RemoteAddress{sp}, 832);
    EXPECT_LE(layout.top.value, sp - 128);
    EXPECT_GE(layout.top.value, sp - 128 - 64);
    EXPECT_EQ(layout.xsave.value % 64, 0U);
    EXPECT_EQ(layout.arguments.value % 16, 0U);
    EXPECT_EQ(layout.arguments.value + kArgumentBytes, layout.top.value);
    EXPECT_LE(layout.xsave.value + 832 + 4, layout.arguments.value);
    EXPECT_LE(layout.bottom.value + 312, layout.xsave.value);
  }
  EXPECT_LE(lay_out(RemoteAddress{0x7ffd0000}, kMaxXsaveBytes).size(), kMaxFrameBytes);
}

template <typename T>
T at(const std::vector<std::byte>& image, std::size_t offset) {
  T value{};
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

// Offsets into struct rt_sigframe, from arch/x86/include/asm/sigframe.h.
TEST(SignalFrameTest, HoldsWhatRtSigreturnReads) {
  const auto xsave = xsave_image(576, 3);
  Context context;
  context.regs.rip = 0x401000;
  context.regs.rsp = 0x7ffd0000;
  context.regs.rax = 42;
  context.regs.r15 = 15;
  context.regs.cs = 0x33;
  context.regs.ss = 0x2b;
  context.regs.eflags = 0x246;
  context.blocked_signals = 0x1234;
  context.xsave = xsave;
  const FrameLayout layout = lay_out(RemoteAddress{context.regs.rsp}, 576);
  std::vector<std::byte> image(layout.size(), std::byte{0xff});
  fill_frame(context, layout, RemoteAddress{0x5000}, image);
  EXPECT_EQ(at<std::uint64_t>(image, 0), 0x5000U);  // where `ret` leads
  EXPECT_EQ(at<std::uint64_t>(image, 8) & 6, 6U);   // SS is saved, and to be restored as it is
  EXPECT_EQ(at<std::int32_t>(image, 32), 7);        // leaves the alternate stack alone
  constexpr std::size_t kRegisters = 48;
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 56), 15U);
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 104), 42U);
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 120), 0x7ffd0000U);
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 128), 0x401000U);
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 136), 0x246U);
  EXPECT_EQ(at<std::uint16_t>(image, kRegisters + 144), 0x33U);
  EXPECT_EQ(at<std::uint16_t>(image, kRegisters + 150), 0x2bU);
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 184), layout.xsave.value);
  EXPECT_EQ(at<std::uint64_t>(image, kRegisters + 256), 0x1234U);
  const std::size_t fp = layout.xsave.value - layout.bottom.value;
  EXPECT_EQ(at<std::uint32_t>(image, fp + 464), 0x46505853U);  // FP_XSTATE_MAGIC1
  EXPECT_EQ(at<std::uint32_t>(image, fp + 468), 580U);
  EXPECT_EQ(at<std::uint64_t>(image, fp + 472), 3U);
  EXPECT_EQ(at<std::uint32_t>(image, fp + 480), 576U);
  EXPECT_EQ(at<std::uint32_t>(image, fp + 576), 0x46505845U);  // FP_XSTATE_MAGIC2
}

}  // namespace
}  // namespace kvmtsc::injection
