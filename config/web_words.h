// Words of the web configuration: whether one can do what it is there for. Pure.
#pragma once

#include <string>

namespace kvmtsc {

// Not empty, and without control characters: fit for a log line and the audit.
bool is_name(const std::string& text);

// A name that HTTP's basic authentication can carry: no colon (RFC 7617, 2).
bool is_user_name(const std::string& text);

// crypt(3)'s "$2a$", "$2b$" or "$2y$", a cost of 04 to 31, and 53 digits of its base 64.
bool is_bcrypt(const std::string& text);

// 64 hexadecimal digits in lower case.
bool is_sha256(const std::string& text);

// One line without control characters, or nothing.
bool is_header_value(const std::string& text);

}  // namespace kvmtsc
