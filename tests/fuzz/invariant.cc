#include "invariant.h"

#include <cstdio>
#include <cstdlib>

namespace kvmtsc::fuzz {

void require(bool holds, std::string_view what, std::string_view about) {
  if (holds) {
    return;
  }
  std::fprintf(stderr, "does not hold: %.*s\n  %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(about.size()), about.data());
  std::abort();
}

}  // namespace kvmtsc::fuzz
