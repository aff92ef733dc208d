#include "exporter/api/fields.h"

#include <utility>

#include "base/parse.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 16;

Error invalid(std::string what) {
  return Error{ErrorKind::kInvalid, std::move(what),
               "/api/v1/openapi.json describes what each request takes"};
}

// Looks at names and depth while the parser goes along, for the finished value shows neither.
class Strictness {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      names_.emplace_back();
    } else if (event == Json::parse_event_t::object_end && !names_.empty()) {
      names_.pop_back();
    } else if (event == Json::parse_event_t::key && !names_.empty()) {
      const auto name = parsed.get<std::string>();
      if (!names_.back().insert(name).second) {
        mistake = "the name \"" + name + "\" occurs twice";
      }
    }
    if (depth > kDeepest) {
      mistake = "the body is nested too deeply";
      return false;
    }
    return true;
  }

  std::string mistake;

 private:
  std::vector<std::set<std::string>> names_;
};

template <typename Integer>
std::optional<Integer> whole_number(const Json& value) {
  std::string digits;
  if (value.is_string()) {
    digits = value.get<std::string>();
  } else if (value.is_number_integer()) {
    digits = value.dump();
  }
  if (digits.empty() || trim(digits) != digits) {
    return std::nullopt;
  }
  if constexpr (std::is_signed_v<Integer>) {
    return parse_i64(digits);
  } else {
    return parse_u64(digits);
  }
}

}  // namespace

Result<Fields> Fields::parse(std::string_view body) {
  Strictness strictness;
  Json parsed = Json::parse(
      body,
      [&](int depth, Json::parse_event_t event, const Json& value) {
        return strictness(depth, event, value);
      },
      false);
  if (!strictness.mistake.empty()) {
    return invalid(strictness.mistake);
  }
  if (parsed.is_discarded()) {
    return invalid("the body is not JSON");
  }
  if (!parsed.is_object()) {
    return invalid("the body is not a JSON object");
  }
  return Fields(std::move(parsed));
}

const Json* Fields::take(const char* name) {
  taken_.insert(name);
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

void Fields::wrong(const std::string& what) {
  if (!mistake_) {
    mistake_ = what;
  }
}

void Fields::expected(const char* name, const char* what) {
  wrong("\"" + std::string(name) + "\" must be " + what);
}

std::optional<std::string> Fields::text(const char* name) {
  const Json* const value = take(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string()) {
    expected(name, "a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::optional<bool> Fields::boolean(const char* name) {
  const Json* const value = take(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_boolean()) {
    expected(name, "true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::int64_t> Fields::integer(const char* name) {
  const Json* const value = take(name);
  const auto number = value == nullptr ? std::nullopt : whole_number<std::int64_t>(*value);
  if (value != nullptr && !number) {
    expected(name, "a whole number of 64 bits with sign, as a decimal string");
  }
  return number;
}

std::optional<std::uint64_t> Fields::natural(const char* name) {
  const Json* const value = take(name);
  const auto number = value == nullptr ? std::nullopt : whole_number<std::uint64_t>(*value);
  if (value != nullptr && !number) {
    expected(name, "a whole number of at least 0, of 64 bits");
  }
  return number;
}

std::optional<std::vector<std::string>> Fields::texts(const char* name) {
  const Json* const value = take(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> all;
  for (const Json& element : value->is_array() ? *value : Json::array({nullptr})) {
    if (!element.is_string()) {
      expected(name, "a list of strings");
      return std::nullopt;
    }
    all.push_back(element.get<std::string>());
  }
  return all;
}

std::optional<std::vector<Fields>> Fields::objects(const char* name) {
  const Json* const value = take(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  std::vector<Fields> all;
  for (const Json& element : value->is_array() ? *value : Json::array({nullptr})) {
    if (!element.is_object()) {
      expected(name, "a list of objects");
      return std::nullopt;
    }
    all.push_back(Fields(element));
  }
  return all;
}

Status Fields::finish() const {
  if (mistake_) {
    return invalid(*mistake_);
  }
  for (const auto& [name, value] : object_.items()) {
    if (!taken_.contains(name)) {
      return invalid("\"" + name + "\" is not a field of this request");
    }
  }
  return ok_status();
}

}  // namespace kvmtsc
