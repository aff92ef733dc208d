// What the fuzz targets share: LLVMFuzzerTestOneInput(), which each defines, and require(), by
// which it says what must hold whatever the input is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// libFuzzer's name; replay.cc calls it as well. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace kvmtsc::fuzz {

// Says on standard error what does not hold and ends the process with SIGABRT, by which libFuzzer
// knows a finding. `about` is what the reader needs to see, of any bytes.
void require(bool holds, std::string_view what, std::string_view about = {});

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace kvmtsc::fuzz
