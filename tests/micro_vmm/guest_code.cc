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

constexpr std::array kPrograms{GuestProgram::kSpin, GuestProgram::kStamp, GuestProgram::kHalt,
                               GuestProgram::kIdle};

}  // namespace

std::string_view guest_program_name(GuestProgram program) {
  switch (program) {
    case GuestProgram::kSpin:
      return "spin";
    case GuestProgram::kStamp:
      return "stamp";
    case GuestProgram::kHalt:
      return "halt";
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
    case GuestProgram::kIdle:
      break;
  }
  return {};
}

}  // namespace kvmtsc::micro_vmm
