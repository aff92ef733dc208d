#include "cli/table.h"

#include <wchar.h>

#include <algorithm>
#include <utility>

namespace kvmtsc {
namespace {

constexpr const char* kGap = "  ";

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kRed:
      return "\033[31m";
    case Colour::kYellow:
      return "\033[33m";
    case Colour::kGreen:
      return "\033[32m";
    case Colour::kBold:
      return "\033[1m";
  }
  return "";
}

struct Glyph {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

// `text` is not empty. What is not of the locale's encoding is a byte that takes a column.
Glyph first_glyph(std::string_view text) {
  std::mbstate_t state{};
  wchar_t character = 0;
  const std::size_t used = std::mbrtowc(&character, text.data(), text.size(), &state);
  if (used == 0 || used > text.size()) {
    return {};
  }
  const int columns = ::wcwidth(character);
  return {used, columns < 0 ? 0 : static_cast<std::size_t>(columns)};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    width += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return width;
}

std::string clipped(std::string_view text, std::size_t columns, std::size_t rows) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t row = 0; row < rows && !text.empty();) {
    Glyph glyph = first_glyph(text);
    const bool code = text.front() == '\033';
    if (code) {
      glyph = {std::min(text.find('m'), text.size() - 1) + 1, 0};
    }
    const bool ends = text.front() == '\n';
    if (ends || code || column + glyph.columns <= columns) {
      out += text.substr(0, glyph.bytes);
    }
    column = ends ? 0 : column + glyph.columns;
    row += ends ? 1U : 0U;
    text.remove_prefix(glyph.bytes);
  }
  return out;
}

std::string harmless(std::string_view text) {
  std::string clean;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // C1 control characters are C2 80 to C2 9F in UTF-8.
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) {
      ++i;
    }
    clean += byte < 0x20 || byte == 0x7F || c1 ? '?' : text[i];
  }
  return clean;
}

std::string in_colour(const std::string& text, Colour colour, bool coloured) {
  return coloured && colour != Colour::kNone ? code_of(colour) + text + "\033[0m" : text;
}

Table::Table(std::vector<std::string> titles) : titles_(std::move(titles)) {
  for (std::string& title : titles_) {
    right_.push_back(title.starts_with('>'));
    if (right_.back()) {
      title.erase(0, 1);
    }
  }
}

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) {
    cell.text = harmless(cell.text);
  }
  rows_.push_back(std::move(row));
}

std::string Table::text(bool coloured) const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < titles_.size(); ++column) {
    std::size_t widest = display_width(titles_[column]);
    for (const auto& row : rows_) {
      widest = std::max(widest, display_width(row[column].text));
    }
    widths.push_back(widest);
  }
  std::string out;
  const auto add_line = [&](const std::vector<Cell>& cells) {
    std::string line;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string fill(widths[column] - display_width(cells[column].text), ' ');
      const std::string shown = in_colour(cells[column].text, cells[column].colour, coloured);
      line.append(right_[column] ? fill : "").append(shown);
      line.append(right_[column] ? "" : fill).append(kGap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  std::vector<Cell> heading;
  for (const std::string& title : titles_) {
    heading.push_back({title, Colour::kBold});
  }
  add_line(heading);
  for (const auto& row : rows_) {
    add_line(row);
  }
  return out;
}

}  // namespace kvmtsc
