#include <fcntl.h>
#include <linux/capability.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/file.h"
#include "base/join.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

enum class Health { kOk, kWarn, kFail };

struct Finding {
  Health health = Health::kOk;
  std::string what;
  std::string detail;
  std::string remedy;
};

const char* word_of(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kWarn:
      return "warn";
    case Health::kFail:
      return "FAIL";
  }
  return "";
}

Colour colour_of(Health health) {
  switch (health) {
    case Health::kOk:
      return Colour::kGreen;
    case Health::kWarn:
      return Colour::kYellow;
    case Health::kFail:
      return Colour::kRed;
  }
  return Colour::kNone;
}

constexpr std::size_t kMaxText = std::size_t{1} << 20;

std::string first_line(const std::string& path) {
  const auto text = read_file(path, kMaxText);
  return text ? std::string(trim(text->substr(0, text->find('\n')))) : "";
}

// The value of "Name:" in a status file of /proc.
std::string status_value(const std::string& path, const std::string& name) {
  const auto text = read_file(path, kMaxText);
  const auto at = text ? ("\n" + *text).find("\n" + name + ":") : std::string::npos;
  if (at == std::string::npos) {
    return "";
  }
  const std::string rest = text->substr(at + name.size() + 1);
  return std::string(trim(rest.substr(0, rest.find('\n'))));
}

class Doctor {
 public:
  Doctor(const Session& session, const DoctorOptions& options)
      : session_(&session), options_(&options) {}

  std::vector<Finding> examine() {
    kernel();
    kvm();
    debugfs();
    clocksource();
    tracing();
    name_space();
    service();
    return std::move(findings_);
  }

 private:
  void add(Health health, std::string what, std::string detail, std::string remedy = "") {
    findings_.push_back({health, std::move(what), std::move(detail),
                         health == Health::kOk ? "" : std::move(remedy)});
  }

  void kernel() {
    utsname name{};
    ::uname(&name);
    add(Health::kOk, "kernel", std::string(name.release) + " " + name.machine);
  }

  void kvm() {
    const bool there = ::access("/dev/kvm", F_OK) == 0;
    add(there ? Health::kOk : Health::kWarn, "KVM", there ? "/dev/kvm is there" : "no /dev/kvm",
        "modprobe kvm_intel or kvm_amd; virtualisation may be off in the firmware");
    const auto has_module = [&](const char* name) {
      return ::access((options_->sysfs + "/module/" + name).c_str(), F_OK) == 0;
    };
    if (has_module("kvm_pvm")) {
      // One of these serves /dev/kvm; which, where another is built in, the kernel does not tell.
      const bool alone = !has_module("kvm_intel") && !has_module("kvm_amd");
      add(alone ? Health::kFail : Health::kWarn, "offset writes",
          alone ? "this KVM (kvm_pvm) accepts offset writes and ignores them"
                : "kvm_pvm is loaded; if it serves /dev/kvm, offset writes are ignored",
          "its offsets are always 0 and corrections end as not_applied; use kvm_intel or kvm_amd");
    }
  }

  void debugfs() {
    const std::string kvm = options_->debugfs + "/kvm";
    const auto names = list_directory(kvm);
    if (!names) {
      const bool forbidden = names.error().kind == ErrorKind::kPermission;
      add(Health::kFail, "debugfs", names.error().message,
          forbidden ? "run as root, or grant CAP_DAC_READ_SEARCH"
                    : "mount -t debugfs debugfs " + options_->debugfs + ", and load KVM");
      return;
    }
    std::size_t vms = 0;
    bool has_threads = true;
    for (const std::string& name : *names) {
      const auto files = name.find('-') == name.npos
                             ? std::optional<std::vector<std::string>>{}
                             : vcpus_of(std::string(kvm).append("/").append(name));
      if (!files) {
        continue;
      }
      ++vms;
      for (const std::string& vcpu : *files) {
        has_threads = has_threads && ::access((vcpu + "/pid").c_str(), F_OK) == 0;
      }
    }
    add(Health::kOk, "debugfs", kvm + " shows " + std::to_string(vms) + " VMs");
    add(has_threads ? Health::kOk : Health::kWarn, "vCPU threads",
        has_threads ? "the kernel tells which thread runs a vCPU (vcpuN/pid)"
                    : "this kernel does not tell which thread runs a vCPU",
        "attaching needs it; offsets are read without");
  }

  static std::vector<std::string> vcpus_of(const std::string& directory) {
    std::vector<std::string> paths;
    const auto names = list_directory(directory);
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      if (name.starts_with("vcpu")) {
        paths.push_back(std::string(directory).append("/").append(name));
      }
    }
    return paths;
  }

  void clocksource() {
    const std::string source = first_line(
        options_->sysfs + "/devices/system/clocksource/clocksource0/current_clocksource");
    add(source == "tsc" ? Health::kOk : Health::kFail, "clocksource",
        source.empty() ? "unknown" : source,
        "KVM rewrites offsets unless it is tsc; the kernel log says why it is not");
    const auto cpuinfo = read_file(options_->procfs + "/cpuinfo", kMaxText);
    std::vector<std::string> missing;
    for (const char* flag : {"constant_tsc", "nonstop_tsc"}) {
      if (!cpuinfo || cpuinfo->find(flag) == std::string::npos) {
        missing.emplace_back(flag);
      }
    }
    add(missing.empty() ? Health::kOk : Health::kWarn, "TSC",
        missing.empty() ? "constant_tsc, nonstop_tsc" : "without " + join(missing, ", "),
        "this CPU's TSC may change its rate or stop; expect the kernel to leave it");
  }

  void tracing() {
    const std::string capabilities = status_value(options_->procfs + "/self/status", "CapEff");
    unsigned long long bits = 0;
    std::sscanf(capabilities.c_str(), "%llx", &bits);
    const bool may = (bits & (1ULL << CAP_SYS_PTRACE)) != 0;
    add(may ? Health::kOk : Health::kWarn, "CAP_SYS_PTRACE",
        may ? "held by this user; the service needs it as well" : "not held by this user",
        "the service needs it to attach; run this as the service's user");
    const std::string scope = first_line(options_->procfs + "/sys/kernel/yama/ptrace_scope");
    add(scope == "3" ? Health::kFail : Health::kOk, "ptrace_scope",
        scope.empty() ? "no Yama" : scope, "3 forbids attaching until the next boot");
  }

  void name_space() {
    const auto mine = read_link(options_->procfs + "/self/ns/pid");
    const bool host = mine && *mine == "pid:[4026531836]";
    add(host ? Health::kOk : Health::kWarn, "PID namespace", host ? "the host's" : "not the host's",
        "KVM's numbers are the host's; in a container use the host's PID namespace");
  }

  void service() {
    const auto answer = session_->client.get("/api/v1/host");
    if (!answer) {
      add(Health::kFail, "service", answer.error().message, answer.error().remedy);
      return;
    }
    if (is_problem(*answer)) {
      add(Health::kFail, "service", plain_text(field(answer->body, "detail")), remedy_of(*answer));
      return;
    }
    const Json& host = answer->body;
    add(Health::kOk, "service",
        "version " + plain_text(field(host, "version")) + " at " + session_->client.server() +
            " (" + session_->server_by + ")");
    const std::string mode = plain_text(field(host, "attach_mode"));
    add(mode == "off" ? Health::kWarn : Health::kOk, "attach.mode", mode,
        "with clock the master clock is seen, with correct offsets can be corrected");
    exclusions(mode != "off");
    const bool enabled = field(field(host, "corrections"), "enabled") == true;
    add(enabled ? Health::kOk : Health::kWarn, "corrections", enabled ? "enabled" : "off",
        "start the service with --correction.enabled and --attach.mode=correct");
    if (enabled) {
      audit(field(host, "corrections"));
    }
    const std::string role = plain_text(field(field(host, "you"), "role"));
    add(role == "operator" ? Health::kOk : Health::kWarn, "you",
        plain_text(field(field(host, "you"), "name")) + ", " + role,
        "to correct, use a token of an operator, or the unix socket as root");
    filters(mode);
    for (const Json& collector : field(host, "collectors")) {
      if (field(collector, "success") == false) {
        const Json& error = field(collector, "error");
        add(Health::kFail, "collector " + plain_text(field(collector, "name")),
            plain_text(field(error, "message")), plain_text(field(error, "remedy")));
      }
    }
  }

  // Whom attach.exclude and attach.include keep from being attached to, as the last sweep found.
  void exclusions(bool attaches) {
    const auto answer = session_->client.get("/api/v1/vms");
    if (!answer || is_problem(*answer)) {
      return;  // what may not be read is said where it is asked for
    }
    std::size_t excluded = 0;
    std::string names;
    for (const Json& vm : field(answer->body, "vms")) {
      if (field(field(vm, "clock_error"), "kind") == "excluded") {
        ++excluded;
        names += (names.empty() ? ": " : ", ") + plain_text(field(vm, "vm"));
      }
    }
    if (!attaches && excluded == 0) {
      return;
    }
    add(Health::kOk, "attach.exclude",
        std::to_string(excluded) + " of " + std::to_string(field(answer->body, "vms").size()) +
            " VMs are never attached to" + names);
  }

  // What the VMMs' seccomp filters say of the calls that attaching makes.
  void filters(const std::string& mode) {
    const auto answer = session_->client.get("/api/v1/vms");
    if (!answer || is_problem(*answer)) {
      return;  // the service has said why already
    }
    std::size_t not_asked = 0;
    for (const Json& vm : field(answer->body, "vms")) {
      const Json& seccomp = field(vm, "seccomp");
      if (seccomp.is_object()) {
        filters_of(plain_text(field(vm, "vm")), seccomp, mode);
      } else if (field(vm, "source") != "simulated") {
        ++not_asked;
      }
    }
    if (not_asked > 0) {
      add(Health::kOk, "seccomp",
          "unknown of " + std::to_string(not_asked) + " VMs, for attach.mode is " + mode);
    }
  }

  void filters_of(const std::string& vm, const Json& seccomp, const std::string& mode) {
    Health health = Health::kOk;
    std::string found = vm;
    std::string remedy;
    for (const char* purpose : {"clock", "corrections"}) {
      if (purpose == std::string_view("corrections") && mode != "correct") {
        continue;
      }
      const Json& verdict = field(seccomp, purpose);
      const Json& error = field(verdict, "error");
      found += std::string(found == vm ? ": " : "; ") + purpose + " " +
               plain_text(field(verdict, "verdict"));
      if (error.is_object()) {
        health = Health::kWarn;
        found += " (" + plain_text(field(error, "message")) + ")";
        remedy = plain_text(field(error, "remedy"));
      }
    }
    add(health, "seccomp", found, remedy);
  }

  void audit(const Json& corrections) {
    const Json& writable = field(corrections, "audit_writable");
    const Json& error = field(corrections, "audit_error");
    if (writable == true) {
      add(Health::kOk, "audit", "can be written");
    } else if (writable == false) {
      add(Health::kFail, "audit", plain_text(field(error, "message")) + "; no correction is made",
          plain_text(field(error, "remedy")));
    } else {
      add(Health::kWarn, "audit", "whether it can be written is not known yet",
          "ask again in a few seconds");
    }
  }

  const Session* session_;
  const DoctorOptions* options_;
  std::vector<Finding> findings_;
};

}  // namespace

int doctor(const Session& session, const DoctorOptions& options) {
  const std::vector<Finding> findings = Doctor(session, options).examine();
  Table table({"", "WHAT", "FOUND"});
  Json list = Json::array();
  for (const Finding& finding : findings) {
    table.add(
        {{word_of(finding.health), colour_of(finding.health)}, {finding.what}, {finding.detail}});
    if (!finding.remedy.empty()) {
      table.add({{}, {}, {"-> " + finding.remedy}});
    }
    list.push_back({{"what", finding.what},
                    {"health", word_of(finding.health)},
                    {"found", finding.detail},
                    {"remedy", finding.remedy}});
  }
  print(session.json ? Json{{"findings", list}}.dump() + "\n" : table.text(session.coloured));
  const bool failed = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.health == Health::kFail; });
  return failed ? kFailed : kDone;
}

}  // namespace kvmtsc
