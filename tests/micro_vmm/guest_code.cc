#include "tests/micro_vmm/guest_code.h"

#include <array>

namespace kvmtsc::micro_vmm {
namespace {

// The cell's sequence number is odd while the guest writes. LFENCE after the locked increment keeps
// this round's RDTSC from running before the last round's number can be seen, which is what makes
// the host's bracket (tsc_sample.h) a bound.
constexpr std::array<std::uint8_t, 27> kSpinCode{
    0x0f, 0xae, 0xe8,                    // again: lfence
    0x0f, 0x31,                          //        rdtsc
    0x66, 0xff, 0x06, 0x00, 0x00,        //        inc dword [0]       ; sequence becomes odd
    0x66, 0xa3, 0x08, 0x00,              //        mov [8], eax
    0x66, 0x89, 0x16, 0x0c, 0x00,        //        mov [12], edx
    0xf0, 0x66, 0xff, 0x06, 0x00, 0x00,  //        lock inc dword [0]  ; even again
    0xeb, 0xe5,                          //        jmp again
};

// Every entry but the first begins at JMP.
constexpr std::array<std::uint8_t, 20> kStampCode{
    0x0f, 0x31,                          // again: rdtsc
    0x66, 0xa3, 0x08, 0x00,              //        mov [8], eax
    0x66, 0x89, 0x16, 0x0c, 0x00,        //        mov [12], edx
    0x66, 0x83, 0x06, 0x00, 0x00, 0x02,  //        add dword [0], 2  ; sequence
    0xf4,                                //        hlt
    0xeb, 0xec,                          //        jmp again
};

constexpr std::array<std::uint8_t, 4> kHaltCode{
    0xfa,        //        cli
    0xf4,        // again: hlt
    0xeb, 0xfd,  //        jmp again
};

// Nothing in it outlives an interrupt but memory, so the handler saves no register. x2APIC, for its
// registers can be reached from real mode.
constexpr std::array<std::uint8_t, 134> kTimerCode{
    0x66, 0xb9, 0x1b,         0x00, 0x00, 0x00,  //         mov ecx, 0x1b      ; IA32_APIC_BASE
    0x0f, 0x32,                                  //         rdmsr
    0x66, 0x0d, 0x00,         0x0c, 0x00, 0x00,  //         or eax, 0xc00      ; x2APIC mode
    0x0f, 0x30,                                  //         wrmsr
    0x66, 0xb9, 0x0f,         0x08, 0x00, 0x00,  //         mov ecx, 0x80f     ; SVR
    0x66, 0xb8, 0xff,         0x01, 0x00, 0x00,  //         mov eax, 0x1ff     ; enabled
    0x66, 0x31, 0xd2,                            //         xor edx, edx
    0x0f, 0x30,                                  //         wrmsr
    0x66, 0xb9, 0x32,         0x08, 0x00, 0x00,  //         mov ecx, 0x832     ; LVT timer
    0x66, 0xb8, kTimerVector, 0x00, 0x04, 0x00,  //       mov eax, 0x40000 | vector  ; TSC-deadline
    0x0f, 0x30,                                  //         wrmsr
    0x0f, 0x31,                                  // again:  rdtsc
    0x66, 0x03, 0x06,         0x10, 0x00,        //         add eax, [16]      ; interval
    0x66, 0x13, 0x16,         0x14, 0x00,        //         adc edx, [20]
    0x66, 0xa3, 0x18,         0x00,              //         mov [24], eax      ; armed
    0x66, 0x89, 0x16,         0x1c, 0x00,        //         mov [28], edx
    0x66, 0xb9, 0xe0,         0x06, 0x00, 0x00,  //         mov ecx, 0x6e0     ; IA32_TSC_DEADLINE
    0x0f, 0x30,                                  //         wrmsr
    0xfb,                                        //         sti
    0xf4,                                        //         hlt
    0xfa,                                        //         cli
    0xeb, 0xde,                                  //         jmp again
    0x0f, 0x31,                                  // handler: rdtsc
    0x66, 0xff, 0x06,         0x00, 0x00,  //         inc dword [0]      ; sequence becomes odd
    0x66, 0xa3, 0x08,         0x00,        //         mov [8], eax       ; fired
    0x66, 0x89, 0x16,         0x0c, 0x00,  //         mov [12], edx
    0x66, 0xa1, 0x18,         0x00,        //         mov eax, [24]
    0x66, 0xa3, 0x20,         0x00,        //         mov [32], eax      ; its deadline
    0x66, 0xa1, 0x1c,         0x00,        //         mov eax, [28]
    0x66, 0xa3, 0x24,         0x00,        //         mov [36], eax
    0x66, 0xf0, 0xff,         0x06, 0x00, 0x00,  //         lock inc dword [0] ; even again
    0x66, 0xb9, 0x0b,         0x08, 0x00, 0x00,  //         mov ecx, 0x80b     ; EOI
    0x66, 0x31, 0xc0,                            //         xor eax, eax
    0x66, 0x31, 0xd2,                            //         xor edx, edx
    0x0f, 0x30,                                  //         wrmsr
    0xcf,                                        //         iret
};
static_assert(kTimerCode[kTimerHandler - 1] == 0xde && kTimerCode[kTimerHandler] == 0x0f);

constexpr std::array kPrograms{GuestProgram::kSpin, GuestProgram::kStamp, GuestProgram::kHalt,
                               GuestProgram::kTimer, GuestProgram::kIdle};

}  // namespace

std::string_view guest_program_name(GuestProgram program) {
  switch (program) {
    case GuestProgram::kSpin:
      return "spin";
    case GuestProgram::kStamp:
      return "stamp";
    case GuestProgram::kHalt:
      return "halt";
    case GuestProgram::kTimer:
      return "timer";
    case GuestProgram::kIdle:
      break;
  }
  return "idle";
}

std::optional<GuestProgram> guest_program_by_name(std::string_view name) {
  for (const GuestProgram program : kPrograms) {
    if (guest_program_name(program) == name) {
      return program;
    }
  }
  return std::nullopt;
}

std::span<const std::uint8_t> guest_code(GuestProgram program) {
  switch (program) {
    case GuestProgram::kSpin:
      return kSpinCode;
    case GuestProgram::kStamp:
      return kStampCode;
    case GuestProgram::kHalt:
      return kHaltCode;
    case GuestProgram::kTimer:
      return kTimerCode;
    case GuestProgram::kIdle:
      break;
  }
  return {};
}

}  // namespace kvmtsc::micro_vmm
