// ApiScript: requests as text, so that a kept input can be read and written by hand. Requests are
// divided by lines "---". Each is
//
//   METHOD TARGET
//   Field: value        any number; "As" is not sent: "nobody", "viewer", "operator" (who it is
//   when
//                       not given) or "operator VM ..." says who asks
//                       an empty line, then
//   the body            without a last line feed
//
// A request "SWEEP" lets the sampling thread carry out what is queued and sweep twice. Others make
// the world worse: "IGNORE" (KVM accepts writes and ignores them), "FAIL EVENT" (the journal cannot
// record that event), "FORGET" (there is no snapshot until the next sweep). Nothing is refused:
// what is missing is empty.
#pragma once

#include <string>
#include <vector>

#include "exporter/http/message.h"

namespace kvmtsc::fuzz {

struct ScriptedRequest {
  http::Request request;  // without a path
  std::string raw_path;   // as a client sends it
};

std::vector<ScriptedRequest> parse_script(const std::string& text);

// Every `name` in `text` with `value` instead.
std::string with(std::string text, const std::string& name, const std::string& value);

}  // namespace kvmtsc::fuzz
