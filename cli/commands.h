// The subcommands of kvm-tsc. Each returns an ExitStatus.
#pragma once

#include <string>
#include <vector>

#include "cli/goal.h"
#include "cli/output.h"

namespace kvmtsc {

int show_vms(const Session& session);
int show_vm(const Session& session, const std::string& vm);

struct LogOptions {
  std::string vm;
  unsigned limit = 50;
  bool follow = false;
};
int show_log(const Session& session, const LogOptions& options);

// Redraws the table of VMs until SIGINT or SIGTERM.
int watch(const Session& session, double interval_seconds);

int plan(const Session& session, const std::string& vm, const GoalOptions& goal);

struct CorrectOptions {
  std::string vm;
  std::string plan_id;  // instead of a goal
  GoalOptions goal;
  std::vector<std::string> allow;
  std::string reason;
  bool yes = false;
};
int correct(const Session& session, const CorrectOptions& options);

struct UndoOptions {
  std::string id;  // empty: the last one, of `vm` if that is set
  std::string vm;
  std::vector<std::string> allow;
  std::string reason;
  bool yes = false;
};
int undo(const Session& session, const UndoOptions& options);

// For the shell's completion: "vms", "plans", "corrections" or "objections", one a line.
int complete(const Session& session, const std::string& what);

struct DoctorOptions {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string debugfs = "/sys/kernel/debug";
};
int doctor(const Session& session, const DoctorOptions& options);

}  // namespace kvmtsc
