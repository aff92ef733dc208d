#include "cli/vm_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/figures.h"

namespace kvmtsc {
namespace {

// The operator will not have the VM attached to: that its clock is not read is no trouble.
bool is_excluded(const Json& vm) {
  return field(field(vm, "clock_error"), "kind") == "excluded";
}

bool has_unread_clock(const Json& vm) {
  return field(vm, "clock_error").is_object() && !is_excluded(vm);
}

// The larger, the more it deserves to be looked at.
int trouble(const Json& vm) {
  const Json& spread = field(vm, "spread_ticks");
  const Json& bound = field(vm, "bound_ticks");
  if (field(vm, "error").is_object()) {
    return 3;
  }
  // Digits alone; the longer is the larger.
  const std::string a = spread.is_string() ? spread.get<std::string>() : "0";
  const std::string b = bound.is_string() ? bound.get<std::string>() : "0";
  if (a.size() > b.size() || (a.size() == b.size() && a > b)) {
    return 2;
  }
  return field(vm, "trust") != "trusted" || field(vm, "master_clock") == false ||
                 has_unread_clock(vm)
             ? 1
             : 0;
}

Colour colour_of(int trouble_level) {
  switch (trouble_level) {
    case 0:
      return Colour::kNone;
    case 1:
      return Colour::kYellow;
    default:
      return Colour::kRed;
  }
}

// What the guest believes of its TSC's frequency, where that is further off than KVM's tolerance.
std::string told_frequency_text(const Json& vm) {
  const Json& error = field(vm, "told_frequency_error_ppm");
  if (!error.is_number() || field(vm, "told_frequency_tolerated") != false) {
    return {};
  }
  const double ppm = error.get<double>();
  return plain_text(field(vm, "tsc_khz")) + " kHz: its TSC runs " +
         std::to_string(std::llround(std::abs(ppm))) + " ppm too " + (ppm < 0 ? "slow" : "fast") +
         " for a guest that trusts that";
}

}  // namespace

std::string table_of_vms(const Json& answer, bool coloured) {
  std::vector<Json> vms(field(answer, "vms").begin(), field(answer, "vms").end());
  std::stable_sort(vms.begin(), vms.end(),
                   [](const Json& a, const Json& b) { return trouble(a) > trouble(b); });
  Table table({"VM", ">vCPUs", ">SPREAD", ">BOUND", "MASTER CLOCK", "TRUST", ">PID", "VMM"});
  for (const Json& vm : vms) {
    const int level = trouble(vm);
    const Json& bound = field(vm, "bound_ticks");
    const bool unread_clock = has_unread_clock(vm);
    table.add(
        {{plain_text(field(vm, "vm")), colour_of(level)},
         {plain_text(field(vm, "vcpu_count"))},
         {seconds_text(field(vm, "spread_seconds")), level == 2 ? Colour::kRed : Colour::kNone},
         {bound == "0"        ? "exact"
          : bound.is_string() ? ticks_text(bound) + " ticks"
                              : "-"},
         {unread_clock      ? "unreadable"
          : is_excluded(vm) ? "excluded"
                            : yes_no(field(vm, "master_clock")),
          unread_clock || field(vm, "master_clock") == false ? Colour::kYellow : Colour::kNone},
         {field(vm, "error").is_object() ? "unreadable" : plain_text(field(vm, "trust")),
          field(vm, "trust") == "trusted" ? Colour::kNone : Colour::kYellow},
         {plain_text(field(vm, "pid"))},
         {plain_text(field(vm, "vmm"))}});
  }
  if (!vms.empty()) {
    return table.text(coloured);
  }
  return field(answer, "complete") == false ? "" : "No KVM guest is running on this host.\n";
}

std::string why_incomplete(const Json& answer) {
  std::string text = "not all VMs could be listed, and some of these may have ended:";
  for (const Json& problem : field(answer, "problems")) {
    text += " " + harmless(plain_text(field(problem, "collector")) + ": " +
                           plain_text(field(problem, "message")) + "; " +
                           plain_text(field(problem, "remedy")));
  }
  return text;
}

std::string facts_of(const Json& vm) {
  std::string text;
  const auto line = [&text](const char* name, const std::string& value) {
    std::string padded = name;
    padded.resize(22, ' ');
    text += padded + harmless(value) + "\n";
  };
  line("VM", plain_text(field(vm, "vm")));
  line("uuid", plain_text(field(vm, "uuid")));
  const Json& holder = field(vm, "held_by");
  line(
      "process",
      (holder.is_number() ? "ended; held by " + plain_text(holder) : plain_text(field(vm, "pid"))) +
          " (" + plain_text(field(vm, "vmm")) + "), debugfs " + plain_text(field(vm, "directory")));
  line("read", plain_text(field(vm, "taken")) + ", sweep " + plain_text(field(vm, "sequence")));
  const Json& reason = field(vm, "trust_reason");
  line("trust", plain_text(field(vm, "trust")) +
                    (reason.is_string() ? ": " + plain_text(reason) : std::string()));
  line("spread", seconds_text(field(vm, "spread_seconds")) + " (" +
                     ticks_text(field(vm, "spread_ticks")) + " ticks, +/- " +
                     ticks_text(field(vm, "bound_ticks")) + ")");
  line("reference vCPU", plain_text(field(vm, "reference")));
  const Json& undecided = field(vm, "master_clock_reason");
  line("master clock", undecided.is_string() ? "not known: " + plain_text(undecided)
                                             : yes_no(field(vm, "master_clock")));
  line("kvmclock divergence", seconds_text(field(vm, "kvmclock_divergence_seconds"), true) +
                                  " +/- " +
                                  seconds_text(field(vm, "kvmclock_divergence_bound_seconds")));
  line("frequency", hertz_text(field(vm, "frequency_hertz"), field(vm, "frequency_bound_hertz")));
  if (const std::string told = told_frequency_text(vm); !told.empty()) {
    line("told frequency", told);
  }
  for (const char* error : {"error", "clock_error", "process_error"}) {
    if (const Json& found = field(vm, error); found.is_object()) {
      line(error, plain_text(field(found, "message")) + "; " + plain_text(field(found, "remedy")));
    }
  }
  return text;
}

std::string table_of_vcpus(const Json& vm, bool coloured) {
  Table table({">vCPU", ">OFFSET", ">SKEW TICKS", ">SKEW", ">DRIFT", ">STEPS", "TRUST"});
  for (const Json& vcpu : field(vm, "vcpus")) {
    const Json& skew = field(vcpu, "skew_ticks");
    table.add({{plain_text(field(vcpu, "id"))},
               {ticks_text(field(vcpu, "offset"))},
               {ticks_text(skew), skew.is_string() && skew != "0" ? Colour::kRed : Colour::kNone},
               {seconds_text(field(vcpu, "skew_seconds"), true)},
               {plain_text(field(vcpu, "drift"))},
               {plain_text(field(vcpu, "steps"))},
               {plain_text(field(vcpu, "trust"))}});
  }
  return table.text(coloured);
}

}  // namespace kvmtsc
