#include "config/problems.h"

#include <algorithm>

#include "base/utf8.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kListed = 20;
constexpr std::size_t kLongestWord = 60;

// Valid UTF-8 without control characters.
std::string one_line(std::string_view text, std::size_t max_bytes) {
  std::string out = to_valid_utf8(text, max_bytes);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

std::string printable(std::string_view text) {
  return one_line(text.substr(0, kLongestWord + 1), kLongestWord);
}

}  // namespace

std::string in_quotes(std::string_view text) {
  return "\"" + printable(text) + "\"";
}

void Problems::add(std::size_t line, std::string_view subject, std::string_view what,
                   std::string_view takes) {
  std::string text;
  if (!subject.empty()) {
    text += printable(subject) + ": ";
  }
  text += what;
  if (!takes.empty()) {
    text.append("; ").append(takes);
  }
  // Libraries quote what they do not understand, to the byte.
  problems_.push_back({line, one_line(text, 3 * text.size() + 3)});
}

void Problems::add(std::size_t line, std::string_view subject, const Error& error) {
  add(line, subject, error.message, error.remedy);
}

Error Problems::error(std::string_view file) const {
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  std::string message;
  for (std::size_t i = 0; i < std::min(sorted.size(), kListed); ++i) {
    if (i > 0) {
      message += '\n';
    }
    if (!file.empty()) {
      message += file;
      if (sorted[i].line > 0) {
        message += ":" + std::to_string(sorted[i].line);
      }
      message += ": ";
    }
    message += sorted[i].text;
  }
  if (sorted.size() > kListed) {
    message += "\nand " + std::to_string(sorted.size() - kListed) + " more";
  }
  return Error{ErrorKind::kInvalid, std::move(message), {}};
}

}  // namespace kvmtsc
