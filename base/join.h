// Words put together to one text. The other way round is split() in base/parse.h.
#pragma once

#include <string>
#include <string_view>

namespace kvmtsc {

// Each of `words`, of which a std::string_view can be made, and `separator` between every two.
template <typename Words>
std::string join(const Words& words, std::string_view separator) {
  std::string text;
  std::string_view between;
  for (const std::string_view word : words) {
    text.append(between).append(word);
    between = separator;
  }
  return text;
}

}  // namespace kvmtsc
