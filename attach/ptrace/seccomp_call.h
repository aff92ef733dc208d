// SeccompCall: a system call as a seccomp filter sees it, as far as it is known. A plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace kvmtsc::injection {

// What is known of a call, in the order of struct seccomp_data (little-endian: a 64-bit value's low
// word comes first). By default nothing but that it is x86-64's.
class SeccompCall {
 public:
  static constexpr std::size_t kWords = 16;

  SeccompCall();

  std::optional<std::uint32_t>& word(std::size_t index) { return words_[index]; }
  const std::optional<std::uint32_t>& word(std::size_t index) const { return words_[index]; }

  void set_number(std::uint32_t number);
  void set_instruction_pointer(std::uint64_t address);
  void set_argument(std::size_t index, std::uint64_t value);  // 0 to 5

 private:
  void set_wide(std::size_t word, std::uint64_t value);

  std::array<std::optional<std::uint32_t>, kWords> words_;
};

}  // namespace kvmtsc::injection
