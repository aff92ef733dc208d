#include "exporter/page/status_page.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace kvmtsc {
namespace {

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>kvm-tsc-exporter</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #1b1f24; }
h1 { font-size: 1.4em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #d8dee4; vertical-align: top; }
th { white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 12em; }
.bad { color: #b42318; }
.dim { color: #59636e; }
</style>
</head>
<body>
<h1>kvm-tsc-exporter</h1>
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string digits(double value, std::chars_format format, int precision) {
  std::array<char, 400>
      text;  // the longest double in fixed notation has 309 digits before the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, format, precision).ptr;
  return {text.data(), end};
}

// Seconds in the unit that leaves few digits before the point.
std::string duration(double seconds) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits{{{1, " s"}, {1e-3, " ms"}, {1e-6, " µs"}, {1e-9, " ns"}}};
  if (seconds == 0) {
    return "0";
  }
  const auto fits = [&](const Unit& unit) { return std::abs(seconds) >= unit.size; };
  const auto unit = std::find_if(kUnits.begin(), kUnits.end() - 1, fits);
  return digits(seconds / unit->size, std::chars_format::general, 6) + unit->name;
}

std::string spread_cell(const VmState& vm) {
  if (!vm.skew || !vm.frequency) {
    return "<span class=\"dim\">not yet known</span>";
  }
  const double spread = static_cast<double>(vm.skew->spread_ticks) / vm.frequency->hertz;
  const std::string text = duration(spread);
  return vm.skew->spread_ticks > vm.skew->bound_ticks ? "<span class=\"bad\">" + text + "</span>"
                                                      : text;
}

std::string trust_text(const VmState& vm) {
  if (vm.error) {
    return "<span class=\"bad\">cannot be read: " + escaped(vm.error->text()) + "</span>";
  }
  const Trust trust = vm.reading->trust;
  if (trust == Trust::kTrusted) {
    return "trusted";
  }
  return "<span class=\"bad\">" + std::string(trust_name(trust)) + "</span>: <span class=\"dim\">" +
         escaped(vm.trust_reason.empty() ? trust_explanation(trust) : vm.trust_reason) + "</span>";
}

std::string state_cell(const VmState& vm) {
  std::string cell = trust_text(vm);
  if (vm.identity.process_unknown) {
    cell += "<br>process unknown: <span class=\"dim\">" +
            escaped(vm.identity.process_unknown->text()) + "</span>";
  }
  return cell;
}

std::string master_clock_cell(const VmState& vm) {
  if (vm.clock_error && vm.clock_error->kind == ErrorKind::kExcluded) {
    return "<span class=\"dim\">" + escaped(vm.clock_error->message) + "</span>";
  }
  if (vm.clock_error) {
    return "<span class=\"bad\">cannot be read: " + escaped(vm.clock_error->text()) + "</span>";
  }
  if (vm.never_ran) {
    return "<span class=\"dim\">not yet: no vCPU has run</span>";
  }
  const auto decided = master_clock(vm);
  if (!decided) {
    return vm.clock_wanted ? "<span class=\"dim\">not yet known</span>"
                           : "<span class=\"dim\">not read</span>";
  }
  return *decided ? "yes" : "<span class=\"bad\">no</span>";
}

std::string vm_row(const VmState& vm) {
  const std::size_t vcpus =
      vm.reading ? vm.reading->vcpus.size() + vm.reading->unreadable.size() : 0;
  return "<tr><td class=\"name\">" + escaped(vm.label) + "</td><td>" + escaped(vm.identity.vmm) +
         "</td><td class=\"n\">" + (vm.identity.pid == 0 ? "" : std::to_string(vm.identity.pid)) +
         "</td><td class=\"n\">" + (vm.reading ? std::to_string(vcpus) : "") +
         "</td><td class=\"n\">" + spread_cell(vm) + "</td><td>" + master_clock_cell(vm) +
         "</td><td>" + state_cell(vm) + "</td></tr>\n";
}

// What is not known comes first: what follows is to be read in its light.
std::string blindness(const Snapshot& snapshot) {
  if (vms_known(snapshot) == VmsKnown::kAll) {
    return "";
  }
  std::string html = "<p class=\"bad\"><b>";
  html += snapshot.vms.empty()
              ? "Whether any VM is running is not known."
              : "This list may not be complete, and some of these VMs may have ended.";
  html += "</b>";
  for (const CollectorStatus* collector : blind_collectors(snapshot)) {
    html += " " + escaped(collector->name) + ": " + escaped(collector->error->text()) + ".";
  }
  return html + "</p>\n";
}

std::string host_section(const Snapshot& snapshot) {
  const HostClock& host = snapshot.host;
  std::string html = "<p>Host clocksource <b>" +
                     escaped(host.clocksource.empty() ? "unknown" : host.clocksource) + "</b>";
  if (host.tsc_frequency) {
    html += ", TSC " + digits(host.tsc_frequency->hertz / 1e6, std::chars_format::fixed, 6) +
            " MHz ± " + digits(host.tsc_frequency->bound_hertz, std::chars_format::general, 3) +
            " Hz";
  }
  if (host.synchronized) {
    html += *host.synchronized ? ", clock synchronised" : ", clock not synchronised";
  }
  html += ". Sweep " + std::to_string(snapshot.sequence) + ".</p>\n";
  for (const CollectorStatus& collector : snapshot.collectors) {
    if (collector.error && !collector.lists_vms) {
      html += "<p class=\"bad\">Collector " + escaped(collector.name) +
              " failed: " + escaped(collector.error->text()) + "</p>\n";
    }
  }
  return html;
}

std::string vm_section(const Snapshot& snapshot) {
  if (snapshot.vms.empty()) {
    return vms_known(snapshot) == VmsKnown::kAll ? "<p>No VM is running on this host.</p>\n" : "";
  }
  std::string html =
      "<table>\n<tr><th>VM</th><th>VMM</th><th class=\"n\">PID</th><th class=\"n\">vCPUs</th>"
      "<th class=\"n\">skew spread</th><th>master clock</th><th>reading</th></tr>\n";
  for (const VmState& vm : snapshot.vms) {
    html += vm_row(vm);
  }
  return html + "</table>\n";
}

}  // namespace

std::string status_page(const Snapshot* snapshot, std::string_view version) {
  std::string html(kHead);
  if (snapshot == nullptr) {
    html += "<p>The first sweep is still running.</p>\n";
  } else {
    html += blindness(*snapshot) + host_section(*snapshot) + vm_section(*snapshot);
  }
  html += "<p class=\"dim\"><a href=\"/metrics\">/metrics</a> · version " + escaped(version) +
          "</p>\n</body>\n</html>\n";
  return html;
}

}  // namespace kvmtsc
