#include "exporter/demo_banner.h"

#include <string_view>

namespace kvmtsc {
namespace {

constexpr std::string_view kUnix = "unix:";

// How the service is reached: by a browser, curl and kvm-tsc.
struct Ways {
  std::string page;
  std::string curl;     // up to the path
  std::string server;   // KVM_TSC_SERVER
  std::string kvm_tsc;  // the program with what it needs
};

Ways ways_to(const std::string& address, bool tls) {
  const std::string program = "build/bin/kvm-tsc";
  if (address.starts_with(kUnix)) {
    const std::string curl =
        "curl -s --unix-socket " + address.substr(kUnix.size()) + " http://localhost";
    return {curl + "/", curl, address, program};
  }
  if (tls) {
    const std::string url = "https://" + address;
    return {url + "/", "curl -s --cacert CA.pem " + url, url, program + " --cacert CA.pem"};
  }
  const std::string url = "http://" + address;
  return {url + "/", "curl -s " + url, url, program};
}

// What is done with VMs that are not simulated.
std::string real_vms(std::string_view attach_mode) {
  if (attach_mode == "off") {
    return "This host's own VMs are read and not attached to (--attach.mode=off).";
  }
  const std::string mode = "(--attach.mode=" + std::string(attach_mode) + ").";
  return attach_mode == "clock"
             ? "This host's own VMs are attached to, to read their clocks " + mode
             : "This host's own VMs are attached to, vCPUs as well " + mode;
}

std::string correcting(const Ways& ways, const std::string& token) {
  if (token.empty()) {
    return "    correct it    corrections are off (correction.enabled)\n";
  }
  return "    correct it    export KVM_TSC_SERVER=" + ways.server + " KVM_TSC_TOKEN=" + token +
         "\n"
         "                  " +
         ways.kvm_tsc +
         " plan sim-skewed\n"
         "                  " +
         ways.kvm_tsc +
         " correct sim-skewed\n"
         "                  The token is for simulated VMs only.\n";
}

}  // namespace

std::string demo_banner(const std::string& address, bool tls, const std::string& token,
                        std::string_view attach_mode) {
  const Ways ways = ways_to(address, tls);
  return "\n"
         "  kvm-tsc-exporter demo: a simulated fleet beside this host's own VMs\n"
         "  " +
         real_vms(attach_mode) +
         "\n"
         "\n"
         "    status page   " +
         ways.page +
         "\n"
         "    metrics       " +
         ways.curl +
         "/metrics\n"
         "    one VM        " +
         ways.curl + "/metrics | grep 'vm=\"sim-skewed\"'\n" + correcting(ways, token) +
         "\n"
         "  Worth watching:\n"
         "    sim-skewed            one vCPU is 9,000,000 ticks ahead  kvm_tsc_vcpu_skew_seconds\n"
         "    sim-unequal-ratios    one vCPU drifts by 50 ppm          "
         "kvm_tsc_vcpu_skew_drift_ratio\n"
         "    sim-stepping          3,000,000 ticks more every minute  "
         "kvm_tsc_vcpu_offset_steps_total\n"
         "    sim-nested            not to be trusted at times         kvm_tsc_vm_trust_state\n"
         "    sim-coming-and-going  here 15 s, gone 10 s               kvm_tsc_vm_info\n"
         "    sim-moving            one offset never holds still       kvm_tsc_vm_trust_state\n"
         "\n"
         "  Skews appear once two sweeps, 5 s apart, agree. A real VM started now appears within 1 "
         "s.\n"
         "  Ctrl-C ends the demo.\n\n";
}

}  // namespace kvmtsc
