// The session of a command line: whom to ask, who asks, and how to print.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/output.h"

namespace kvmtsc {

struct GlobalOptions {
  std::string server;
  std::string token_file;
  std::string user;
  std::string password_file;
  std::string ca_file;
  std::string certificate;
  std::string key;
  std::string colour = "auto";
  bool json = false;
  int timeout = 10;
};

// Reads the files it names. What is not given comes from KVM_TSC_SERVER, KVM_TSC_TOKEN and
// NO_COLOR; a server that nobody names is looked for (find_server()).
Result<Session> make_session(const GlobalOptions& options);

}  // namespace kvmtsc
