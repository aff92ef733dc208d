#include "exporter/metrics/service_families.h"

#include <utility>

#include "exporter/metrics/family.h"

namespace kvmtsc {
namespace {

double in_seconds(RealTime time) {
  return std::chrono::duration<double>(time.since_epoch).count();
}

void append(FamilyBuilder family, double value, Families& families) {
  family.add({}, value);
  family.append_to(families);
}

}  // namespace

void append_service_families(const ServiceFacts& facts, Families& families) {
  append(gauge("kvm_tsc_config_last_reload_successful",
               "Whether the last reading of the configuration succeeded."),
         facts.reload_succeeded ? 1 : 0, families);
  append(gauge("kvm_tsc_config_last_reload_success_timestamp_seconds",
               "When the configuration was last read with success."),
         in_seconds(facts.last_good_reload), families);
  append(counter("kvm_tsc_login_failures_total", "HTTP requests with unknown credentials."),
         static_cast<double>(facts.login_failures), families);
  append(counter("kvm_tsc_login_lockouts_total",
                 "Times that a client had too many failed logins for one account."),
         static_cast<double>(facts.login_lockouts), families);
  append(counter("kvm_tsc_requests_rate_limited_total",
                 "HTTP requests answered 429 by rate_limit of the web configuration."),
         static_cast<double>(facts.rate_limited), families);
  if (facts.audit_writable) {
    append(gauge("kvm_tsc_audit_writable",
                 "1 if the audit could be written when it was last tried, 0 if not; then "
                 "corrections are refused. Tried every 15 s and before each."),
           *facts.audit_writable ? 1 : 0, families);
  }
  append(counter("kvm_tsc_audit_failures_total", "Events that the audit could not record."),
         static_cast<double>(facts.audit_failures), families);
  if (facts.certificate_not_after) {
    append(gauge("kvm_tsc_tls_certificate_not_after_timestamp_seconds",
                 "Until when the TLS certificate that is served is valid."),
           in_seconds(*facts.certificate_not_after), families);
  }
}

}  // namespace kvmtsc
