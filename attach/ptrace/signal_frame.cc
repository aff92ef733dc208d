#include "attach/ptrace/signal_frame.h"

#include <asm/sigcontext.h>
#include <cpuid.h>

#include <algorithm>
#include <cstring>

namespace kvmtsc::injection {
namespace {

// The kernel's struct rt_sigframe and struct ucontext (arch/x86/include/asm/sigframe.h,
// uapi/asm-generic/ucontext.h). The C library's ucontext_t is longer and its sigset_t wider.
struct KernelContext {
  std::uint64_t flags;
  std::uint64_t link;
  std::uint64_t stack_pointer;
  std::int32_t stack_flags;
  std::int32_t padding;
  std::uint64_t stack_size;
  sigcontext registers;
  std::uint64_t blocked_signals;
};
struct RtSigframe {
  std::uint64_t return_address;
  KernelContext context;
};
static_assert(sizeof(sigcontext) == 256);
static_assert(sizeof(RtSigframe) == 8 + 40 + 256 + 8);

constexpr std::uint64_t kFpXstate = 1;            // UC_FP_XSTATE
constexpr std::uint64_t kSigcontextSs = 2;        // UC_SIGCONTEXT_SS
constexpr std::uint64_t kStrictRestoreSs = 4;     // UC_STRICT_RESTORE_SS
constexpr std::int32_t kImpossibleStackMode = 7;  // do_sigaltstack() changes nothing: EINVAL

constexpr std::uint64_t kRedZone = 128;
constexpr std::size_t kLegacyBytes = 512;    // FXSAVE
constexpr std::size_t kHeaderBytes = 64;     // XSTATE_BV, XCOMP_BV, reserved
constexpr std::size_t kSoftwareBytes = 464;  // where FXSAVE leaves 48 bytes to software
constexpr std::size_t kMagic2Bytes = 4;
constexpr std::uint64_t kFpAndSse = 3;
constexpr unsigned kTileData = 18;

std::uint64_t component_bits(std::span<const std::byte> xsave) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, xsave.data() + kLegacyBytes, sizeof bits);
  return bits | kFpAndSse;
}

// Where the standard format keeps each component (CPUID leaf 0xd); size 0 if it does not exist.
// Asked once: in a virtual machine CPUID costs as much as all else here together.
struct Component {
  std::size_t offset = 0;
  std::size_t size = 0;
};
constexpr unsigned kComponents = 63;

const std::array<Component, kComponents>& components() {
  static const auto table = [] {
    std::array<Component, kComponents> all{};
    for (unsigned component = 2; component < kComponents; ++component) {
      unsigned size = 0;
      unsigned offset = 0;
      unsigned ignored_c = 0;
      unsigned ignored_d = 0;
      if (__get_cpuid_count(0xd, component, &size, &offset, &ignored_c, &ignored_d) != 0) {
        all[component] = {offset, size};
      }
    }
    return all;
  }();
  return table;
}

std::size_t round_up(std::size_t n, std::size_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}

}  // namespace

void prepare_signal_frames() {
  (void)xsave_bytes_without_tiles();
}

std::size_t xsave_bytes_without_tiles() {
  static const std::size_t bytes = [] {
    std::size_t end = kLegacyBytes + kHeaderBytes;
    for (unsigned component = 2; component < kComponents; ++component) {
      if (component != kTileData) {
        end = std::max(end, components()[component].offset + components()[component].size);
      }
    }
    return std::min(end, kMaxXsaveBytes);
  }();
  return bytes;
}

Result<std::size_t> used_xsave_bytes(std::span<const std::byte> xsave) {
  std::size_t used = kLegacyBytes + kHeaderBytes;
  if (xsave.size() < used) {
    return Error{ErrorKind::kInvalid, "the kernel gave a floating-point state too short", {}};
  }
  const std::uint64_t bits = component_bits(xsave);
  for (unsigned component = 2; component < kComponents; ++component) {
    if ((bits >> component & 1) == 0) {
      continue;
    }
    const auto [offset, size] = components()[component];
    if (size == 0 || offset + size > xsave.size()) {
      return Error{ErrorKind::kInvalid, "the kernel gave an unknown floating-point state", {}};
    }
    used = std::max(used, offset + size);
  }
  return used;
}

FrameLayout lay_out(RemoteAddress stack_pointer, std::size_t xsave_bytes) {
  FrameLayout layout;
  layout.top = (stack_pointer - kRedZone).aligned_down(64);
  layout.arguments = layout.top - kArgumentBytes;
  layout.xsave = (layout.arguments - (xsave_bytes + kMagic2Bytes)).aligned_down(64);
  layout.bottom = layout.xsave - round_up(sizeof(RtSigframe), 64);
  return layout;
}

void fill_frame(const Context& context, const FrameLayout& layout, RemoteAddress sigreturn,
                std::span<std::byte> image) {
  std::fill(image.begin(), image.end(), std::byte{0});
  const user_regs_struct& regs = context.regs;
  RtSigframe frame{};
  frame.return_address = sigreturn.value;
  frame.context.flags = kFpXstate | kSigcontextSs | kStrictRestoreSs;
  frame.context.stack_flags = kImpossibleStackMode;
  frame.context.blocked_signals = context.blocked_signals;
  sigcontext& saved = frame.context.registers;
  saved.r8 = regs.r8;
  saved.r9 = regs.r9;
  saved.r10 = regs.r10;
  saved.r11 = regs.r11;
  saved.r12 = regs.r12;
  saved.r13 = regs.r13;
  saved.r14 = regs.r14;
  saved.r15 = regs.r15;
  saved.rdi = regs.rdi;
  saved.rsi = regs.rsi;
  saved.rbp = regs.rbp;
  saved.rbx = regs.rbx;
  saved.rdx = regs.rdx;
  saved.rax = regs.rax;
  saved.rcx = regs.rcx;
  saved.rsp = regs.rsp;
  saved.rip = regs.rip;
  saved.eflags = regs.eflags;
  saved.cs = static_cast<std::uint16_t>(regs.cs);
  saved.ss = static_cast<std::uint16_t>(regs.ss);
  // An address of the tracee's, in a field typed as a pointer of ours.
  std::memcpy(&saved.fpstate, &layout.xsave.value, sizeof(std::uint64_t));
  std::memcpy(image.data(), &frame, sizeof frame);

  std::byte* const xsave = image.data() + (layout.xsave.value - layout.bottom.value);
  const std::size_t xsave_bytes = context.xsave.size();
  std::copy_n(context.xsave.begin(), xsave_bytes, xsave);
  _fpx_sw_bytes software{};
  software.magic1 = FP_XSTATE_MAGIC1;
  software.extended_size = static_cast<std::uint32_t>(xsave_bytes + kMagic2Bytes);
  software.xfeatures = component_bits(context.xsave);
  software.xstate_size = static_cast<std::uint32_t>(xsave_bytes);
  std::memcpy(xsave + kSoftwareBytes, &software, sizeof software);
  const std::uint32_t magic2 = FP_XSTATE_MAGIC2;
  std::memcpy(xsave + xsave_bytes, &magic2, sizeof magic2);
}

}  // namespace kvmtsc::injection
