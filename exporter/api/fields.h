// Fields: a request's JSON object, read strictly. Each getter takes the field it names; the first
// thing that is wrong, and a field that nobody took, is what finish() says. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace kvmtsc {

class Fields {
 public:
  // kInvalid unless `body` is one JSON object in UTF-8 without repeated names and no deeper than
  // 16.
  static Result<Fields> parse(std::string_view body);

  // Absent when the field is not there; also when it is wrong, which finish() tells.
  std::optional<std::string> text(const char* name);
  std::optional<bool> boolean(const char* name);
  // A decimal string, or a JSON number written as an integer; a fraction or an exponent is wrong.
  std::optional<std::int64_t> integer(const char* name);
  std::optional<std::uint64_t> natural(const char* name);
  std::optional<std::vector<std::string>> texts(const char* name);
  std::optional<std::vector<Fields>> objects(const char* name);

  // A mistake that the caller found.
  void wrong(const std::string& what);

  // The object as it came.
  const nlohmann::json& all() const { return object_; }

  // kInvalid with the first mistake. Call it before the values are used.
  Status finish() const;

 private:
  explicit Fields(nlohmann::json object) : object_(std::move(object)) {}

  const nlohmann::json* take(const char* name);
  void expected(const char* name, const char* what);

  nlohmann::json object_;
  std::set<std::string> taken_;
  std::optional<std::string> mistake_;
};

}  // namespace kvmtsc
