// Settings: the service's validated configuration as plain structs. Knows no collector, no server.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"

namespace kvmtsc {

enum class IdentitySubject { kCommandLine, kCgroup };

// A VM whose subject matches `pattern` gets the name and uuid that the templates give; in them \1
// to \9 stand for the pattern's groups. An empty template leaves that part to the built-in rules.
struct IdentityRule {
  IdentitySubject subject = IdentitySubject::kCommandLine;
  std::string pattern;  // RE2 syntax, unanchored; known to compile
  std::string name;
  std::string uuid;

  bool operator==(const IdentityRule&) const = default;
};

enum class AttachSubject { kName, kUuid, kCommandLine, kCgroup };

// The VMs whose subject matches `pattern`.
struct AttachRule {
  AttachSubject subject = AttachSubject::kName;
  std::string pattern;  // RE2 syntax, unanchored; known to compile

  bool operator==(const AttachRule&) const = default;
};

// The keys that a file or a flag set, to whatever value. Settings that differ in these alone are
// equal.
struct GivenKeys {
  std::set<std::string, std::less<>> keys;

  bool contains(std::string_view key) const { return keys.contains(key); }
  bool operator==(const GivenKeys& /*other*/) const { return true; }
};

enum class AttachMode { kOff, kClock, kCorrect };
enum class LogFormat { kLogfmt, kJson };

struct Settings {
  HostRoot paths;
  std::vector<std::string> listen_addresses{"127.0.0.1:10078"};
  std::string web_config_file;

  std::chrono::milliseconds sweep_interval{5000};  // 100 ms to 1 h
  std::vector<IdentityRule> identity_rules;        // at most 100

  AttachMode attach_mode = AttachMode::kOff;
  std::chrono::milliseconds attach_clock_interval{10000};  // 1 s to 1 h
  bool attach_suspend_seccomp = false;
  std::vector<AttachRule> attach_exclude;  // at most 100; who matches is never attached to
  std::vector<AttachRule> attach_include;  // at most 100; where there are any, nobody else is

  bool correction_enabled = false;
  std::chrono::nanoseconds correction_max_step{std::chrono::seconds(1)};  // above 0, to 1 h
  unsigned correction_per_vm_per_hour = 6;                                // 1 to 1,000
  unsigned correction_per_host_per_hour = 30;                             // 1 to 1,000

  std::string audit_path = "/var/lib/kvm-tsc-exporter/audit.db";

  std::string log_level = "info";  // trace, debug, info, warn, error, off
  LogFormat log_format = LogFormat::kLogfmt;

  bool demo = false;

  GivenKeys given;

  bool operator==(const Settings&) const = default;
};

}  // namespace kvmtsc
