#include "route_reference.h"

#include <cstdlib>

namespace kvmtsc::fuzz {
namespace {

std::vector<std::string> pieces_of(std::string_view path) {
  std::vector<std::string> pieces(1);
  for (const char c : path) {
    if (c == '/') {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  return pieces;
}

bool stands_for_any(const std::string& piece) {
  return piece.starts_with("{");
}

// One letter a piece: 'l' for a literal one, 'p' for a parameter. Of several routes that fit, the
// one whose letters come first.
std::optional<std::string> fit(const Route& route, const std::vector<std::string>& wanted) {
  const auto pieces = pieces_of(route.path);
  if (pieces.size() != wanted.size()) {
    return std::nullopt;
  }
  std::string letters;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool any = stands_for_any(pieces[i]);
    if (any ? wanted[i].empty() : pieces[i] != wanted[i]) {
      return std::nullopt;
    }
    letters += any ? 'p' : 'l';
  }
  return letters;
}

}  // namespace

const std::vector<Route>& routes() {
  static const std::vector<Route> kRoutes{
      {"/", {"GET"}},
      {"/metrics", {"GET"}},
      {"/-/reload", {"POST"}},
      {"/api/v1/vms", {"GET"}},
      {"/api/v1/vms/{vm}", {"GET", "DELETE"}},
      {"/api/v1/vms/all", {"GET"}},
      {"/api/v1/vms/{vm}/vcpus/{id}/tsc-offset", {"PUT"}},
      {"/api/v1/vms/{vm}/vcpus/0/tsc-offset", {"PUT"}},
      {"/api/v1/vms/all/vcpus/{id}/tsc-offset", {"PUT"}},
      {"/{folder}/v1/vms", {"POST"}},
  };
  return kRoutes;
}

std::optional<std::string> decoded(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    unsigned byte = static_cast<unsigned char>(raw[i]);
    if (byte == '%') {
      const std::string digits(raw.substr(i + 1, 2));
      if (digits.size() != 2 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
        return std::nullopt;
      }
      byte = static_cast<unsigned>(std::strtoul(digits.c_str(), nullptr, 16));
      i += 2;
    }
    if (byte < 0x20 || byte == 0x7f) {
      return std::nullopt;
    }
    text += static_cast<char>(byte);
  }
  return text;
}

std::optional<Reached> reached_by(std::string_view raw_path) {
  if (!raw_path.starts_with('/')) {
    return std::nullopt;
  }
  std::vector<std::string> wanted;
  for (const std::string& piece : pieces_of(raw_path)) {
    const auto text = decoded(piece);
    if (!text) {
      return std::nullopt;
    }
    wanted.push_back(*text);
  }
  Reached reached;
  std::string best;
  for (const Route& route : routes()) {
    const auto letters = fit(route, wanted);
    if (letters && (reached.route == nullptr || *letters < best)) {
      reached.route = &route;
      best = *letters;
    }
  }
  const auto pieces = pieces_of(reached.route == nullptr ? "" : reached.route->path);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (stands_for_any(pieces[i])) {
      reached.parameters.emplace_back(pieces[i].substr(1, pieces[i].size() - 2), wanted[i]);
    }
  }
  return reached;
}

}  // namespace kvmtsc::fuzz
