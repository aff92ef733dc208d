// Exporter: the service under test, kvm-tsc-exporter, on a port of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/integration/exposition.h"
#include "tests/integration/http_client.h"
#include "tests/integration/process.h"
#include "tests/integration/temp_dir.h"

namespace kvmtsc::integration {

struct ExporterOptions {
  std::string config = "sweep:\n  interval: 200ms\n";  // the YAML of --config.file
  std::vector<std::string> flags;                      // after those that the harness gives
};

class Exporter {
 public:
  // Starts the service on 127.0.0.1:0 and returns once it says that it listens.
  static Result<std::unique_ptr<Exporter>> start(const ExporterOptions& options);

  pid_t pid() const { return process_->pid(); }
  std::uint16_t port() const { return port_; }
  Process& process() { return *process_; }

  Result<HttpReply> get(const std::string& target,
                        const std::map<std::string, std::string>& headers = {}) const;
  Result<HttpReply> post(const std::string& target) const;

  // The samples of /metrics; an error unless it answers 200.
  Result<Samples> metrics() const;

  // Replaces the text of --config.file; the service notices when it is told to reload.
  void rewrite_config(const std::string& yaml) const;

 private:
  TempDir directory_;
  std::unique_ptr<Process> process_;
  std::uint16_t port_ = 0;
};

// The `vm` label of the process's only VM, by kvm_tsc_vm_info; absent if it has none or several.
std::optional<std::string> vm_label_of(const Samples& samples, pid_t pid);

}  // namespace kvmtsc::integration
