// PrometheusServer: a real prometheus that scrapes one target every second.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "tests/integration/process.h"
#include "tests/integration/temp_dir.h"

namespace kvmtsc::integration {

class PrometheusServer {
 public:
  // Scrapes 127.0.0.1:`target_port` as job "kvm-tsc". Returns once it is ready to be asked.
  static Result<std::unique_ptr<PrometheusServer>> start(std::uint16_t target_port);

  // The "result" array of an instant query: [{"metric": {...}, "value": [time, "text"]}].
  Result<nlohmann::json> query(const std::string& promql) const;

  Process& process() { return *process_; }

 private:
  TempDir directory_;
  std::unique_ptr<Process> process_;
  std::uint16_t port_ = 0;
};

}  // namespace kvmtsc::integration
