// What a client makes of a compressed body.
#pragma once

#include <optional>
#include <string>

namespace kvmtsc::fakes {

// The text of `packed`; absent unless that is one whole gzip member and nothing besides.
std::optional<std::string> gunzip(const std::string& packed);

}  // namespace kvmtsc::fakes
