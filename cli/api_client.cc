#include "cli/api_client.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>

#include <curl/curl.h>

namespace kvmtsc {
namespace {

constexpr std::size_t kLargestAnswer = std::size_t{64} << 20;

struct Cleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, Cleanup>;

std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
  auto& text = *static_cast<std::string*>(into);
  if (text.size() + size * count > kLargestAnswer) {
    return 0;
  }
  text.append(data, size * count);
  return size * count;
}

void add_header(Headers& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

void set_if(CURL* handle, CURLoption option, const std::string& value) {
  if (!value.empty()) {
    curl_easy_setopt(handle, option, value.c_str());
  }
}

std::string name_of_user(uid_t uid) {
  const passwd* const found = ::getpwuid(uid);
  return found != nullptr ? found->pw_name : std::to_string(uid);
}

std::string name_of_group(gid_t gid) {
  const group* const found = ::getgrgid(gid);
  return found != nullptr ? found->gr_name : std::to_string(gid);
}

// Of a unix socket, by the errno of connect(2).
Error unopenable(const std::string& path, int error_number) {
  const std::string socket = "the service's socket " + path;
  if (error_number == ENOENT || error_number == ECONNREFUSED) {
    return Error{ErrorKind::kIo,
                 error_number == ENOENT ? socket + " is not there" : "nobody answers at " + socket,
                 "is kvm-tsc-exporter running, with --web.listen-address=unix:" + path +
                     "? If it is elsewhere, give --server"};
  }
  Error error{ErrorKind::kPermission, socket + " may not be opened: permission denied", {}};
  struct stat status {};
  const std::string me = name_of_user(::geteuid());
  error.message += "; you are " + me + " (uid " + std::to_string(::geteuid()) + ")";
  if (::stat(path.c_str(), &status) != 0) {
    error.remedy = "a directory above it may not be entered; run this as root";
    return error;
  }
  const std::string group = name_of_group(status.st_gid);
  error.message += ", it belongs to " + name_of_user(status.st_uid) + ":" + group;
  const bool group_may = (status.st_mode & S_IWGRP) != 0 && status.st_gid != 0;
  error.remedy = group_may ? "join the group and log in again: usermod -aG " + group + " " + me
                           : "run this as " + name_of_user(status.st_uid);
  return error;
}

Error unreachable(const std::string& server, CURLcode code, int error_number, const char* why) {
  if (server.starts_with("unix:") && code == CURLE_COULDNT_CONNECT) {
    return unopenable(server.substr(5), error_number);
  }
  Error error{ErrorKind::kIo, "the service at " + server + " does not answer: " + why, {}};
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      error.remedy =
          "name the certificate of the authority that issued the service's: --cacert FILE";
      break;
    case CURLE_SSL_CACERT_BADFILE:
      error.remedy = "--cacert takes a file of certificates in PEM that you can read";
      break;
    case CURLE_SSL_CERTPROBLEM:
      error.remedy = "--cert and --key take a client certificate and its private key in PEM";
      break;
    case CURLE_SSL_CONNECT_ERROR:
      error.remedy =
          "does it speak TLS there, and take a client without a certificate? Otherwise "
          "http://, or --cert FILE --key FILE";
      break;
    default:
      error.remedy = "is kvm-tsc-exporter running there?";
  }
  return error;
}

}  // namespace

std::string percent_encoded(const std::string& text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.find(c) != kUnreserved.npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return encoded;
}

Result<Answer> ApiClient::request(const std::string& method, const std::string& path,
                                  const nlohmann::json& body) const {
  const std::unique_ptr<CURL, Cleanup> handle(curl_easy_init());
  if (!handle) {
    return Error{ErrorKind::kIo, "libcurl cannot be started", {}};
  }
  CURL* const curl = handle.get();
  std::string base = options_.server;
  if (base.starts_with("unix:")) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, base.c_str() + 5);
    base = "http://localhost";
  }
  while (base.ends_with('/')) {
    base.pop_back();
  }
  std::string answer;
  std::array<char, CURL_ERROR_SIZE> why{};
  Headers headers;
  add_header(headers, "Accept: application/json");
  add_header(headers, "Expect:");
  if (!options_.token.empty()) {
    add_header(headers, "Authorization: Bearer " + options_.token);
  }
  const std::string sent = body.is_null() ? "" : body.dump();
  if (!body.is_null()) {
    add_header(headers, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(sent.size()));
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, (base + path).c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(options_.timeout_seconds));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  set_if(curl, CURLOPT_USERPWD, options_.user);
  set_if(curl, CURLOPT_CAINFO, options_.ca_file);
  set_if(curl, CURLOPT_SSLCERT, options_.certificate_file);
  set_if(curl, CURLOPT_SSLKEY, options_.key_file);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    long error_number = 0;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error_number);
    Error error = unreachable(options_.server, code, static_cast<int>(error_number),
                              why[0] != '\0' ? why.data() : curl_easy_strerror(code));
    error.message += options_.aside.empty() ? "" : "; " + options_.aside;
    return error;
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  Answer result{static_cast<int>(status), nlohmann::json::parse(answer, nullptr, false)};
  if (!result.body.is_object()) {
    return Error{ErrorKind::kInvalid,
                 options_.server + path + " answered " + std::to_string(status) +
                     " and something that is not JSON",
                 "is that kvm-tsc-exporter, and not a proxy before it?"};
  }
  return result;
}

}  // namespace kvmtsc
