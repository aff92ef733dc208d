#include "base/result.h"

#include <errno.h>

#include <system_error>

namespace kvmtsc {

const char* error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kGone:
      return "gone";
    case ErrorKind::kPermission:
      return "permission";
    case ErrorKind::kInvalid:
      return "invalid";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kExcluded:
      return "excluded";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kLimited:
      return "limited";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kIo:
      return "io";
  }
  return "io";
}

Error errno_error(int error_number, std::string what) {
  ErrorKind kind = ErrorKind::kIo;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      kind = ErrorKind::kNotFound;
      break;
    case ESRCH:
    case ENODEV:
      kind = ErrorKind::kGone;
      break;
    case EACCES:
    case EPERM:
      kind = ErrorKind::kPermission;
      break;
    case ETIMEDOUT:
      kind = ErrorKind::kTimeout;
      break;
    default:
      break;
  }
  return Error{kind, std::move(what) + ": " + std::generic_category().message(error_number), {}};
}

}  // namespace kvmtsc
