#include "collectors/option_values.h"

#include <algorithm>
#include <cctype>

#include "base/parse.h"

namespace kvmtsc {
namespace {

// Takes a value off the front of `text`, up to the first comma that is not doubled and with it.
std::string take_value(std::string_view& text) {
  std::string value;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == ',') {
      if (at + 1 == text.size() || text[at + 1] != ',') {
        ++at;
        break;
      }
      ++at;
    }
    value += text[at];
  }
  text.remove_prefix(at);
  return value;
}

// KEY of a line KEY = "VALUE", and VALUE.
struct ConfigLine {
  std::string_view key;
  std::string_view value;
};
std::optional<ConfigLine> parse_config_line(std::string_view line) {
  const auto equals = line.find('=');
  const auto open = equals == std::string_view::npos ? equals : line.find('"', equals);
  const auto close = open == std::string_view::npos ? open : line.find('"', open + 1);
  if (close == std::string_view::npos) {
    return std::nullopt;
  }
  return ConfigLine{trim(line.substr(0, equals)), line.substr(open + 1, close - open - 1)};
}

}  // namespace

std::optional<std::string> qemu_key(std::string_view list, std::string_view key,
                                    std::string_view implied) {
  std::optional<std::string> found;
  for (bool first = true; !list.empty(); first = false) {
    const auto mark = list.find_first_of("=,");
    std::string_view name = first ? implied : std::string_view{};
    if (mark != std::string_view::npos && list[mark] == '=') {
      name = list.substr(0, mark);
      list.remove_prefix(mark + 1);
    }
    std::string value = take_value(list);
    if (name == key) {
      found = std::move(value);
    }
  }
  return found;
}

std::string_view value_in_list(std::string_view list, std::string_view key) {
  while (!list.empty()) {
    int depth = 0;
    bool quoted = false;
    const auto end = std::find_if(list.begin(), list.end(), [&](char c) {
      quoted = quoted != (c == '"');
      depth += c == '[' ? 1 : c == ']' ? -1 : 0;
      return c == ',' && !quoted && depth <= 0;
    });
    std::string_view item = list.substr(0, static_cast<std::size_t>(end - list.begin()));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    if (item.starts_with(key) && item.substr(key.size()).starts_with('=')) {
      item.remove_prefix(key.size() + 1);
      if (item.size() >= 2 && item.starts_with('"') && item.ends_with('"')) {
        item = item.substr(1, item.size() - 2);
      }
      return item;
    }
  }
  return {};
}

std::string_view socket_path(std::string_view value) {
  if (value.starts_with("path=")) {
    return value_in_list(value, "path");
  }
  return value.starts_with("fd=") ? std::string_view{} : value;
}

std::string_view socket_name(std::string_view path) {
  std::string_view name = base_name(path);
  for (const std::string_view suffix : {".sock", ".socket"}) {
    if (name.ends_with(suffix) && name.size() > suffix.size()) {
      name.remove_suffix(suffix.size());
      break;
    }
  }
  return name;
}

std::optional<std::string> qemu_config_key(std::string_view text, std::string_view section,
                                           std::string_view key) {
  std::optional<std::string> found;
  bool inside = false;
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.starts_with('[')) {
      const std::string_view header = line.substr(1, line.find(']') - 1);
      inside = trim(header.substr(0, header.find('"'))) == section;
    } else if (inside && !line.starts_with('#')) {
      const auto parsed = parse_config_line(line);
      if (parsed && parsed->key == key) {
        found = std::string(parsed->value);
      }
    }
  }
  return found;
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](unsigned char c, char form) {
           return form == '-' ? c == '-' : std::isxdigit(c) != 0;
         });
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace kvmtsc
