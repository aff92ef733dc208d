// NodeExporter: Debian's prometheus-node-exporter with its defaults, the yardstick for scrapes.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "tests/integration/process.h"

namespace kvmtsc::bench {

class NodeExporter {
 public:
  // On a free port of 127.0.0.1; returns once it has answered a scrape.
  static Result<NodeExporter> start();

  std::uint16_t port() const { return port_; }

 private:
  NodeExporter(std::unique_ptr<integration::Process> process, std::uint16_t port)
      : process_(std::move(process)), port_(port) {}

  std::unique_ptr<integration::Process> process_;
  std::uint16_t port_;
};

}  // namespace kvmtsc::bench
