#include "cli/session.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/parse.h"
#include "cli/default_server.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kLongestToken = 4096;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<Session> make_session(const GlobalOptions& options) {
  ClientOptions client;
  client.token = environment("KVM_TSC_TOKEN");
  if (!options.token_file.empty()) {
    const auto token = read_file(options.token_file, kLongestToken);
    if (!token) {
      return token.error();
    }
    client.token = std::string(trim(*token));
  }
  if (!options.user.empty()) {
    if (options.password_file.empty()) {
      return Error{ErrorKind::kInvalid, "--user " + options.user + " needs a password",
                   "give --password-file FILE"};
    }
    const auto password = read_file(options.password_file, kLongestToken);
    if (!password) {
      return password.error();
    }
    client.user = options.user + ":" + std::string(trim(*password));
  }
  std::string how;
  client.server = options.server.empty() ? environment("KVM_TSC_SERVER") : options.server;
  if (client.server.empty()) {
    DefaultServer found = find_server(!client.token.empty() || !client.user.empty());
    client.server = std::move(found.server);
    client.aside = std::move(found.aside);
    how = std::move(found.how);
  } else {
    how = options.server.empty() ? "named by KVM_TSC_SERVER" : "named by --server";
  }
  client.ca_file = options.ca_file;
  client.certificate_file = options.certificate;
  client.key_file = options.key;
  client.timeout_seconds = options.timeout;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1 && environment("NO_COLOR").empty();
  const bool coloured = options.colour == "always" || (options.colour == "auto" && terminal);
  return Session{ApiClient(std::move(client)), options.json, coloured, std::move(how)};
}

}  // namespace kvmtsc
