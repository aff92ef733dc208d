// Table: columns of text, aligned by what a terminal shows (UTF-8, wide and combining characters).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kvmtsc {

enum class Colour { kNone, kRed, kYellow, kGreen, kBold };

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

class Table {
 public:
  // A title that begins with '>' makes a column of figures, aligned to the right.
  explicit Table(std::vector<std::string> titles);

  // As many cells as titles.
  void add(std::vector<Cell> row);

  // Lines without trailing blanks. Control characters in cells are shown as '?'.
  std::string text(bool coloured) const;

 private:
  std::vector<std::string> titles_;
  std::vector<bool> right_;
  std::vector<std::vector<Cell>> rows_;
};

// How many columns a terminal takes for it.
std::size_t display_width(std::string_view text);

// With the terminal's codes around it.
std::string in_colour(const std::string& text, Colour colour, bool coloured);

// The first `rows` lines, each cut to `columns` columns. The terminal's codes take none, and all of
// a line's stay, so that a colour ends where the line does.
std::string clipped(std::string_view text, std::size_t columns, std::size_t rows);

// Fit for a terminal: control characters, which could command it, become '?'.
std::string harmless(std::string_view text);

}  // namespace kvmtsc
