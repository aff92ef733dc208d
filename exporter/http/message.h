// Request and Response: HTTP as plain values, so that handlers know no server library.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmtsc::http {

using Header = std::pair<std::string, std::string>;

enum class Role {
  kNobody,    // has not said who it is
  kViewer,    // may read
  kOperator,  // may read and change
};

// What a login may see and change, by the words of whoever serves it; empty for everything.
struct Scope {
  std::vector<std::string> names;
  std::string kind;
};

// Who sent a request, as far as the server could make sure.
struct Principal {
  std::string name;  // "user:alice", "token:night-shift", "root"; empty for nobody
  Role role = Role::kNobody;
  Scope scope;
};

struct Request {
  std::string method;  // upper case, e.g. "GET"
  // As decode_path() gives it: percent-decoded except for %2F, which is not a separator (RFC 3986,
  // 2.2), and %25; begins with '/', no query, "." and ".." not resolved.
  std::string path;
  std::string query;  // as sent, without '?'
  std::vector<Header> headers;
  std::string body;  // at most ServerOptions::max_body_bytes
  std::string peer;  // "127.0.0.1:51234", "[::1]:51234" or "unix"
  // Who is at the other end of a unix socket (SO_PEERCRED); absent over TCP.
  std::optional<std::uint32_t> peer_uid = {};
  // Whose process is at the other end of a connection within this host, where the kernel tells:
  // for telling local clients apart, never for believing one (a process may pass a socket on).
  std::optional<std::uint32_t> loopback_uid = {};
  Principal principal = {};
  // What the path's {segments} stand for, decoded; set by the Router.
  std::vector<Header> parameters;

  // The first header of that name, compared without case; empty view if there is none.
  std::string_view header(std::string_view name) const;
  // What the path's {name} stands for; empty if there is none of that name.
  std::string parameter(std::string_view name) const;
  // The first of that name in the query, decoded (application/x-www-form-urlencoded); absent if
  // there is none or it cannot be decoded.
  std::optional<std::string> query_value(std::string_view name) const;
  // Whether every value of the query can be decoded.
  bool query_is_sound() const;
};

// Whether it is for /-/healthy or /-/ready, which are answered whoever asks and however often.
bool is_probe(const Request& request);

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  // What the body begins with, where several responses have that in common: sent as it is, not
  // copied. May be null.
  std::shared_ptr<const std::string> shared = {};
  std::string body;  // the rest, or all of it
  // Besides Content-Type, Content-Length and what the server adds. One that holds a control
  // character is not sent.
  std::vector<Header> headers;

  // Of the whole body, in bytes.
  std::size_t length() const { return (shared == nullptr ? 0 : shared->size()) + body.size(); }
};

// "Not Found" for 404; "Unknown" for a status that RFC 9110 and RFC 6585 do not name.
const char* reason_phrase(int status);

// An RFC 9457 problem of type about:blank, titled by the status. `detail` is UTF-8 and reaches the
// client; empty leaves it out. `retry_after`, rounded up, is a field and a header.
Response problem(int status, std::string_view detail,
                 std::optional<std::chrono::nanoseconds> retry_after = {});

// Whether two field names or tokens are equal but for ASCII case.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Whether a comma-separated field value has `token` as an element, without regard to case.
bool has_token(std::string_view field, std::string_view token);

}  // namespace kvmtsc::http
