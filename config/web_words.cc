#include "config/web_words.h"

#include <algorithm>
#include <string_view>

namespace kvmtsc {
namespace {

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

bool among(char c, std::string_view characters) {
  return characters.find(c) != std::string_view::npos;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

bool is_name(const std::string& text) {
  return !text.empty() && std::ranges::none_of(text, is_control);
}

bool is_user_name(const std::string& text) {
  return is_name(text) && !among(':', text);
}

bool is_bcrypt(const std::string& text) {
  if (text.size() != 60 || !text.starts_with("$2") || !among(text[2], "aby") || text[3] != '$' ||
      text[6] != '$') {
    return false;
  }
  const std::string cost = text.substr(4, 2);
  const bool known_cost =
      among(cost[0], kDigits) && among(cost[1], kDigits) && cost >= "04" && cost <= "31";
  return known_cost && std::all_of(text.begin() + 7, text.end(), [](char c) {
           return among(c, kLetters) || among(c, kDigits) || c == '.' || c == '/';
         });
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return among(c, "0123456789abcdef"); });
}

bool is_header_value(const std::string& text) {
  return std::ranges::none_of(text, is_control);
}

}  // namespace kvmtsc
