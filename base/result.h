// Result<T>: a value or an Error. Every operation that can fail for reasons outside this program
// (the kernel, a file, a peer, a user's input) returns one; exceptions of libraries are turned into
// Errors where they arise. Exceptions of our own are not used.
#pragma once

#include <array>
#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace kvmtsc {

// One kind for each thing a caller does differently; the text says the rest.
enum class ErrorKind {
  kNotFound,     // the thing asked for is not there (and its absence may be normal)
  kGone,         // it was there a moment ago; its VM or process has ended
  kPermission,   // this process may not; the remedy names what would allow it
  kInvalid,      // the bytes read or given do not mean what they should
  kUnsupported,  // this kernel or build cannot
  kRefused,      // we could, and decline; the reason is policy or safety
  kExcluded,     // the operator of this host will not have it done to this VM, whatever happens
  kTimeout,      // a deadline passed
  kConflict,     // things are no longer as the request took them to be
  kLimited,      // done too often; it will be done later
  kIo,           // the operating system failed in another way
};

// Each of them once.
inline constexpr std::array kAllErrorKinds{
    ErrorKind::kNotFound,    ErrorKind::kGone,    ErrorKind::kPermission, ErrorKind::kInvalid,
    ErrorKind::kUnsupported, ErrorKind::kRefused, ErrorKind::kExcluded,   ErrorKind::kTimeout,
    ErrorKind::kConflict,    ErrorKind::kLimited, ErrorKind::kIo};

const char* error_kind_name(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;  // what failed, with the path or name and the errno text; no final full stop
  std::string remedy;   // what the reader can do about it; may be empty
  // Of kLimited: how long until it would be done; absent where waiting does not help.
  std::optional<std::chrono::nanoseconds> retry_after = {};

  // "message; remedy"
  std::string text() const { return remedy.empty() ? message : message + "; " + remedy; }
};

// An Error from errno: message is "WHAT: strerror". ENOENT and ENOTDIR give kNotFound, ESRCH and
// ENODEV kGone, EACCES and EPERM kPermission, ETIMEDOUT kTimeout, all others kIo.
Error errno_error(int error_number, std::string what);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  // Only while ok().
  T& value() & {
    assert(ok());
    return *std::get_if<T>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<T>(&state_);
  }
  // By value, so that `for (auto& x : *list())` ranges over something that lives.
  T value() && {
    assert(ok());
    return std::move(*std::get_if<T>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Only while !ok().
  const Error& error() const {
    assert(!ok());
    return *std::get_if<Error>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

// The outcome of an operation that has no value to give.
struct Unit {};
using Status = Result<Unit>;
inline Status ok_status() {
  return Unit{};
}

}  // namespace kvmtsc
