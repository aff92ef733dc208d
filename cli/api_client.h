// ApiClient: requests to the service's API, over a unix socket, HTTP or HTTPS (libcurl).
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace kvmtsc {

struct ClientOptions {
  std::string server;  // "unix:PATH", "http://HOST:PORT" or "https://HOST:PORT"
  std::string aside;   // added to what is said where it does not answer; may be empty
  std::string token;
  std::string user;  // "NAME:PASSWORD"; empty for none
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  int timeout_seconds = 10;
};

struct Answer {
  int status = 0;
  nlohmann::json body;  // an object; of a problem, its members
};

class ApiClient {
 public:
  explicit ApiClient(ClientOptions options) : options_(std::move(options)) {}

  // `path` begins with "/api/"; `body` is sent as JSON unless it is null. An Error only when there
  // was no answer of the API: kIo when the service cannot be reached, kPermission when its socket
  // may not be opened, kInvalid for an answer that is no JSON.
  Result<Answer> request(const std::string& method, const std::string& path,
                         const nlohmann::json& body = nullptr) const;
  Result<Answer> get(const std::string& path) const { return request("GET", path); }

  const std::string& server() const { return options_.server; }

 private:
  ClientOptions options_;
};

// For a path's segment or a query's value (RFC 3986).
std::string percent_encoded(const std::string& text);

}  // namespace kvmtsc
