// Service: the running whole, composed from its parts according to Settings.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "collectors/debugfs/debugfs_source.h"
#include "collectors/proc_identifier.h"
#include "collectors/sampler.h"
#include "collectors/simulated/fleet.h"
#include "collectors/system_host_clock.h"
#include "config/load.h"
#include "config/settings.h"
#include "exporter/http/server.h"
#include "exporter/sweep_log.h"

namespace kvmtsc {

class Service {
 public:
  // Starts sampling and serving. `command_line` is kept for reloads.
  static Result<std::unique_ptr<Service>> start(const CommandLine& command_line,
                                                const Settings& settings);

  // Stops serving, then sampling; within 1 s.
  ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Loads the configuration again. What is bad is refused whole and the running one goes on; what
  // can only change with a restart is named in the answer. Any thread.
  Result<std::string> reload();

  const std::vector<std::string>& addresses() const { return server_->addresses(); }

 private:
  Service(const CommandLine& command_line, const Settings& settings, IdentityRules rules);

  Status serve();
  void adopt_rules(IdentityRules rules);
  Nanoseconds sweep_interval() const;

  CommandLine command_line_;
  mutable std::mutex mutex_;
  Settings settings_;  // guarded by mutex_

  // In the order in which each needs those above it.
  ProcIdentifier identifier_;
  DebugfsSource debugfs_;
  SystemHostClock host_clock_;
  std::unique_ptr<SimulatedFleet> fleet_;  // null without --demo
  Sweep sweep_;
  SweepLog sweep_log_;
  Sampler sampler_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace kvmtsc
