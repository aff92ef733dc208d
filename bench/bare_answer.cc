// bare-answer FILE...: serves the files' bytes as /0, /1 and so on with the service's own server,
// and nothing else, until its stdin ends. Prints the address. The least that a scrape of the same
// bytes can cost.
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "exporter/http/server.h"

namespace kvmtsc::bench {
namespace {

void serve(const std::string& path, const std::string& file, http::Router& router) {
  std::ifstream in(file, std::ios::binary);
  const auto bytes = std::make_shared<const std::string>(std::istreambuf_iterator<char>(in),
                                                         std::istreambuf_iterator<char>());
  router.add("GET", path, [bytes](const http::Request&) {
    http::Response response;
    response.shared = bytes;
    return response;
  });
}

int run(int files, const char* const* names) {
  http::Router router;
  for (int i = 0; i < files; ++i) {
    serve("/" + std::to_string(i), names[i], router);
  }
  http::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  const auto server = http::Server::start(options, std::move(router));
  if (!server) {
    std::cerr << server.error().text() << "\n";
    return 1;
  }
  std::cout << (*server)->addresses().front() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  return 0;
}

}  // namespace
}  // namespace kvmtsc::bench

int main(int argc, char** argv) {
  return kvmtsc::bench::run(argc - 1, argv + 1);
}
