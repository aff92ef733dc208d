// Service: the running whole, composed from its parts according to Settings.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attach/clock_source.h"
#include "attach/offset_writer.h"
#include "base/result.h"
#include "collectors/attach_guard.h"
#include "collectors/clock_sampling.h"
#include "collectors/debugfs/debugfs_source.h"
#include "collectors/proc_identifier.h"
#include "collectors/sampler.h"
#include "collectors/simulated/attach.h"
#include "collectors/simulated/fleet.h"
#include "collectors/system_host_clock.h"
#include "config/load.h"
#include "config/settings.h"
#include "corrections/correction_service.h"
#include "corrections/journal.h"
#include "exporter/access.h"
#include "exporter/api/api.h"
#include "exporter/audit_watch.h"
#include "exporter/http/server.h"
#include "exporter/logged_journal.h"
#include "exporter/metrics/service_families.h"
#include "exporter/service_parts.h"
#include "exporter/sweep_log.h"

namespace kvmtsc {

class Service {
 public:
  // What can be checked of settings before anything is started: that they go together, and the web
  // configuration file.
  static Status check(const Settings& settings);

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
  bool uses_tls() const { return access_->has_tls(); }

  // The token with which the demo's visitor may correct; empty without --demo.
  const std::string& demo_token() const { return demo_token_; }

 private:
  // All that a service cannot do without and that may fail to be had.
  struct Needs {
    IdentityRules rules;
    AttachRules attach_rules;
    std::unique_ptr<LoggedJournal> journal;
    std::unique_ptr<Access> access;
    std::string demo_token;  // empty without --demo
  };
  static Result<Needs> gather(const Settings& settings);

  Service(const CommandLine& command_line, const Settings& settings, Needs needs);

  Status serve();
  ServiceFacts service_facts() const;
  Result<std::string> try_reload();  // with mutex_ held
  void after_sweep(Snapshot& snapshot);
  ApiFacts api_facts() const;
  void adopt_rules(IdentityRules rules);
  std::optional<Status> audit_state() const;
  Nanoseconds sweep_interval() const;

  CommandLine command_line_;
  mutable std::mutex mutex_;
  Settings settings_;  // guarded by mutex_
  // As the start was, the first reading of the configuration. Guarded by mutex_.
  bool reload_succeeded_ = true;
  RealTime last_good_reload_ = system_clock().realtime();

  // In the order in which each needs those above it.
  ProcIdentifier identifier_;
  DebugfsSource debugfs_;
  SystemHostClock host_clock_;
  std::unique_ptr<SimulatedFleet> fleet_;  // null without --demo
  // Attaching to real VMs: null where it is off, or none are to be corrected.
  Attaching attaching_;
  std::unique_ptr<SimulatedAttach> simulated_attach_;  // null without --demo
  // Before all of them; null where there is nothing to stand before.
  AttachGuard attach_guard_;
  std::unique_ptr<GuardedClockSource> guarded_clocks_;
  std::unique_ptr<GuardedOffsetWriter> guarded_writer_;
  std::unique_ptr<ClockSampling> clock_sampling_;  // null where attaching is off
  std::unique_ptr<LoggedJournal> journal_;
  std::unique_ptr<AuditWatch> audit_watch_;  // null where no guest can be changed
  CorrectionService corrections_;
  std::unique_ptr<Access> access_;
  std::string demo_token_;
  Sweep sweep_;
  SweepLog sweep_log_;
  Sampler sampler_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace kvmtsc
