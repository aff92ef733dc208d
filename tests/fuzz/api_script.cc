#include "api_script.h"

#include <utility>

#include "base/parse.h"

namespace kvmtsc::fuzz {
namespace {

constexpr std::size_t kMostRequests = 8;  // more take long and show little

// What is before `end`, which is taken away with it; all of it when there is no `end`.
std::string take_until(std::string& text, const std::string& end) {
  const auto at = text.find(end);
  std::string taken = text.substr(0, at);
  text.erase(0, at == text.npos ? text.npos : at + end.size());
  return taken;
}

http::Principal principal_of(const std::string& as) {
  const auto words = split(as, ' ');
  http::Principal principal{"token:" + as, http::Role::kOperator, {}};
  if (words[0] == "nobody") {
    principal = {};
  } else if (words[0] == "viewer") {
    principal = {"user:guest", http::Role::kViewer, {}};
  }
  principal.scope.names.assign(words.begin() + 1, words.end());
  return principal;
}

ScriptedRequest parse_request(std::string text) {
  ScriptedRequest scripted;
  std::string head = take_until(text, "\n\n");
  scripted.request.body = std::move(text);
  std::string target = take_until(head, "\n");
  scripted.request.method = take_until(target, " ");
  scripted.raw_path = take_until(target, "?");
  scripted.request.query = target;
  scripted.request.peer = "192.0.2.1:1024";
  scripted.request.principal = principal_of("operator");
  while (!head.empty()) {
    std::string value = take_until(head, "\n");
    std::string name = take_until(value, ": ");
    if (name == "As") {
      scripted.request.principal = principal_of(value);
    } else {
      scripted.request.headers.emplace_back(std::move(name), std::move(value));
    }
  }
  return scripted;
}

}  // namespace

std::vector<ScriptedRequest> parse_script(const std::string& text) {
  std::vector<ScriptedRequest> requests;
  std::string rest = text.substr(0, text.size() - (text.ends_with('\n') ? 1 : 0));
  while (!rest.empty() && requests.size() < kMostRequests) {
    requests.push_back(parse_request(take_until(rest, "\n---\n")));
  }
  return requests;
}

std::string with(std::string text, const std::string& name, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(name, at)) != text.npos; at += value.size()) {
    text.replace(at, name.size(), value);
  }
  return text;
}

}  // namespace kvmtsc::fuzz
