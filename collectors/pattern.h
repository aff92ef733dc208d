// Patterns of operators' rules, compiled under one limit.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace kvmtsc {

// Unanchored. kInvalid for what does not compile or needs more than 1 MiB; `owner` says in the
// message whose pattern it is.
Result<std::shared_ptr<const re2::RE2>> compile_pattern(const std::string& pattern,
                                                        const std::string& owner);

}  // namespace kvmtsc
