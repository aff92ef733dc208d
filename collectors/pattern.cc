#include "collectors/pattern.h"

#include <re2/re2.h>

namespace kvmtsc {

Result<std::shared_ptr<const re2::RE2>> compile_pattern(const std::string& pattern,
                                                        const std::string& owner) {
  constexpr int kMaxMemory = 1 << 20;
  re2::RE2::Options options;
  options.set_max_mem(kMaxMemory);
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(pattern, options);
  if (!compiled->ok()) {
    return Error{ErrorKind::kInvalid, owner + ": pattern \"" + pattern + "\": " + compiled->error(),
                 "write it in RE2 syntax, which has no look-around and no back-references"};
  }
  return compiled;
}

}  // namespace kvmtsc
