// What the service says of itself at the moment of a scrape: its configuration, its logins, its
// audit, its certificate. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "exporter/metrics/families.h"

namespace kvmtsc {

struct ServiceFacts {
  std::uint64_t login_failures = 0;
  std::uint64_t login_lockouts = 0;
  std::uint64_t rate_limited = 0;  // requests answered 429 by rate_limit
  bool reload_succeeded = false;
  RealTime last_good_reload;
  std::optional<RealTime> certificate_not_after;  // absent without TLS
  std::optional<bool> audit_writable;             // absent while unknown, and where none is needed
  std::uint64_t audit_failures = 0;               // events that could not be recorded
};

// kvm_tsc_config_*, kvm_tsc_login_*, kvm_tsc_requests_*, kvm_tsc_audit_* and kvm_tsc_tls_*.
void append_service_families(const ServiceFacts& facts, Families& families);

}  // namespace kvmtsc
