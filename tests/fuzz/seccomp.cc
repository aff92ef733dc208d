// Seccomp filters as a VMM may have them: any program, asked about any call. Whatever is let in
// ends with an answer; what is said of a call that is half known holds of every call that it may
// be.
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "attach/ptrace/seccomp_filter.h"
#include "invariant.h"

namespace kvmtsc::fuzz {
namespace {

using injection::SeccompCall;
using injection::SeccompFilter;

// The codes that filters are made of, so that programs are let in more often than by chance.
constexpr std::array<std::uint16_t, 41> kCodes{
    0x20, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03, 0x07, 0x87, 0x06, 0x16, 0x04,
    0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74,
    0x7c, 0xa4, 0xac, 0x84, 0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d};

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  std::size_t left() const { return left_; }

  // 0 behind the end.
  template <typename T>
  T next() {
    T value{};
    const std::size_t size = std::min(sizeof value, left_);
    if (size > 0) {
      std::memcpy(&value, data_, size);
      data_ += size;
      left_ -= size;
    }
    return value;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// Eight bytes an instruction; where `mended`, its code is one of the above and its numbers fit.
std::vector<sock_filter> program_of(Bytes& bytes, bool mended) {
  std::vector<sock_filter> program;
  while (bytes.left() >= sizeof(sock_filter)) {
    program.push_back(bytes.next<sock_filter>());
  }
  for (std::size_t i = 0; mended && i < program.size(); ++i) {
    sock_filter& one = program[i];
    const std::size_t left = program.size() - 1 - i;
    one.code = left == 0 ? BPF_RET : kCodes.at(one.code % kCodes.size());
    if (BPF_CLASS(one.code) == BPF_JMP) {
      one.jt = static_cast<unsigned char>(one.jt % left);
      one.jf = static_cast<unsigned char>(one.jf % left);
    }
    if (one.code == (BPF_JMP | BPF_JA)) {
      one.k = static_cast<std::uint32_t>(one.k % left);
    } else if (one.code == (BPF_LD | BPF_W | BPF_ABS)) {
      one.k = one.k % SeccompCall::kWords * 4;
    } else if (BPF_MODE(one.code) == BPF_MEM || BPF_CLASS(one.code) == BPF_ST ||
               BPF_CLASS(one.code) == BPF_STX) {
      one.k %= BPF_MEMWORDS;
    }
  }
  return program;
}

void check_call(const SeccompFilter& filter, const SeccompCall& whole, std::uint16_t forgotten) {
  const auto exactly = filter.answers(whole);
  require(exactly && exactly->size() == 1, "a call that is known has one answer");
  SeccompCall part = whole;
  for (std::size_t i = 0; i < SeccompCall::kWords; ++i) {
    if ((forgotten >> i & 1U) != 0) {
      part.word(i).reset();
    }
  }
  const auto possible = filter.answers(part);
  require(!possible || possible->contains(*exactly->begin()),
          "the answer is among those that are possible");
  const std::vector<SeccompFilter> twice{filter, filter};
  require(!answer_of(twice, part).allows() || answer_of(twice, whole).allows(),
          "what is allowed of a part is allowed of the whole");
}

}  // namespace
}  // namespace kvmtsc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvmtsc;
  fuzz::Bytes bytes(data, size);
  const bool mended = bytes.next<std::uint8_t>() % 4 != 0;
  const auto forgotten = bytes.next<std::uint16_t>();
  injection::SeccompCall whole;
  for (std::size_t i = 0; i < injection::SeccompCall::kWords; ++i) {
    // Small numbers, which comparisons meet.
    whole.word(i) = bytes.next<std::uint8_t>();
  }
  if (auto filter = injection::SeccompFilter::check(fuzz::program_of(bytes, mended))) {
    fuzz::check_call(*filter, whole, forgotten);
  }
  return 0;
}
