// SignalFrame: the bytes below a stopped thread's stack pointer that let it restore itself.
//
//   high   saved rsp
//          red zone (128 bytes, never touched)
//          arguments of the injected call                      kArgumentBytes
//          floating-point state, as XSAVE lays it out (64-byte aligned)
//          struct rt_sigframe: return address, ucontext        <- rsp while injecting
//   low
//
// rt_sigreturn(2) reads it: sys_rt_sigreturn() in arch/x86/kernel/signal_64.c. Pure; allocates
// nothing.
#pragma once

#include <sys/user.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "attach/ptrace/tid.h"
#include "base/result.h"

namespace kvmtsc::injection {

inline constexpr std::size_t kArgumentBytes = 256;
// The largest floating-point state of a thread in use (AVX-512, PKRU and AMX tiles: 11008 bytes).
inline constexpr std::size_t kMaxXsaveBytes = std::size_t{12} * 1024;
inline constexpr std::size_t kMaxFrameBytes = kMaxXsaveBytes + kArgumentBytes + 1024;

// What a thread's context is made of, as ptrace(2) gives it.
struct Context {
  user_regs_struct regs{};  // as for_sigreturn() leaves them
  std::uint64_t blocked_signals = 0;
  // PTRACE_GETREGSET of NT_X86_XSTATE: the standard format with the mask of enabled features at
  // byte 464; its used_xsave_bytes().
  std::span<const std::byte> xsave;
};

// Where the pieces lie in the tracee.
struct FrameLayout {
  RemoteAddress bottom;     // = frame
  RemoteAddress arguments;  // kArgumentBytes, 16-byte aligned
  RemoteAddress xsave;
  RemoteAddress top;
  std::size_t size() const { return static_cast<std::size_t>(top.value - bottom.value); }
};

// Looks up what the functions below need to know of this CPU; otherwise their first call does.
void prepare_signal_frames();

// How many bytes of a thread's XSAVE image to ask for first: all components but AMX's tiles, 8 KiB
// that few threads use and that the kernel would fill with zeros.
std::size_t xsave_bytes_without_tiles();

// How much of an XSAVE image is in use: up to the last component whose bit is set in XSTATE_BV. The
// components beyond hold their initial values and need no space. kInvalid for an image too short
// for what is in use or with an unknown component.
Result<std::size_t> used_xsave_bytes(std::span<const std::byte> xsave);

// `xsave_bytes` from used_xsave_bytes(), at most kMaxXsaveBytes.
FrameLayout lay_out(RemoteAddress stack_pointer, std::size_t xsave_bytes);

// Fills `image` (layout.size() bytes, to be written at layout.bottom) with the frame that makes
// rt_sigreturn restore `context`, returned to through `sigreturn`. The alternate signal stack stays
// as it is.
void fill_frame(const Context& context, const FrameLayout& layout, RemoteAddress sigreturn,
                std::span<std::byte> image);

}  // namespace kvmtsc::injection
