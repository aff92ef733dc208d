// Problems: everything that is wrong with one file or one command line, told in one Error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kvmtsc {

// `text` in double quotes, fit for a one-line message: valid UTF-8, without control characters, cut
// after some 60 bytes.
std::string in_quotes(std::string_view text);

class Problems {
 public:
  // `line` counts from 1; 0 means that the problem has no line. `subject` is a key or a flag, and
  // empty if the problem has none. `what` says what is wrong, `takes` what would be right.
  void add(std::size_t line, std::string_view subject, std::string_view what,
           std::string_view takes);
  // The same with `what` and `takes` from an error's message and remedy.
  void add(std::size_t line, std::string_view subject, const Error& error);

  bool empty() const { return problems_.empty(); }

  // kInvalid; one line a problem, in the order of the lines, each
  // "FILE:LINE: SUBJECT: WHAT; TAKES" without the parts that are empty. After 20 problems a last
  // line says how many more there are. Only while !empty().
  Error error(std::string_view file) const;

 private:
  struct Problem {
    std::size_t line;
    std::string text;
  };
  std::vector<Problem> problems_;
};

}  // namespace kvmtsc
