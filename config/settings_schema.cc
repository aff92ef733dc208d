#include "config/settings_schema.h"

#include <chrono>
#include <utility>

#include "config/attach_rules.h"
#include "config/identity_rules.h"
#include "config/setting_types.h"

namespace kvmtsc {
namespace {

Setting named(std::string key, std::string flag, std::string group, std::string help) {
  Setting setting;
  setting.key = std::move(key);
  setting.flag = std::move(flag);
  setting.group = std::move(group);
  setting.help = std::move(help);
  return setting;
}

Setting rules_setting(Setting setting, std::string takes,
                      std::function<void(Settings&, const YamlNode&, Problems&)> read) {
  setting.kind = SettingKind::kRules;
  setting.takes = std::move(takes);
  setting.read = std::move(read);
  setting.show = [](const Settings&) { return std::string(); };
  return setting;
}

Setting attach_rules_setting(const std::string& key, std::string help,
                             std::vector<AttachRule> Settings::*into) {
  return rules_setting(named(key, "", "Attaching", std::move(help)),
                       "it takes a list of maps with the keys match, pattern",
                       [key, into](Settings& settings, const YamlNode& node, Problems& problems) {
                         settings.*into = read_attach_rules(node, key, problems);
                       });
}

std::vector<Setting> build() {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  return {
      addresses_setting(
          named("web.listen_address", "--web.listen-address", "Web",
                "Where to serve: HOST:PORT with an IPv4 address, [ADDRESS]:PORT with an IPv6 "
                "one, or unix:PATH. Port 0 lets the kernel choose. Repeatable."),
          [](auto& s) -> auto& { return s.listen_addresses; }),
      path_setting(
          named("web.config_file", "--web.config.file", "Web",
                "File with TLS, passwords, tokens and roles for the server, in the format of "
                "Prometheus's exporter-toolkit; docs/security.md shows one."),
          [](auto& s) -> auto& { return s.web_config_file; }, true),

      path_setting(
          named("path.procfs", "--path.procfs", "Host", "Where procfs is mounted."),
          [](auto& s) -> auto& { return s.paths.proc; }, false),
      path_setting(
          named("path.sysfs", "--path.sysfs", "Host", "Where sysfs is mounted."),
          [](auto& s) -> auto& { return s.paths.sys; }, false),
      path_setting(
          named("path.debugfs", "--path.debugfs", "Host", "Where debugfs is mounted."),
          [](auto& s) -> auto& { return s.paths.debugfs; }, false),

      duration_setting(
          named("sweep.interval", "--sweep.interval", "Reading",
                "Time from one reading of all TSC offsets to the next."),
          [](auto& s) -> auto& { return s.sweep_interval; }, milliseconds(100), hours(1)),
      rules_setting(named("identity.rules", "", "Names",
                          "Rules that name VMs by a pattern on the command line or the cgroup of "
                          "their process, the first that matches wins."),
                    "it takes a list of maps with the keys match, pattern, name, uuid",
                    [](Settings& settings, const YamlNode& node, Problems& problems) {
                      settings.identity_rules = read_identity_rules(node, problems);
                    }),

      choice_setting(
          named("attach.mode", "--attach.mode", "Attaching",
                "Whether to run KVM ioctls inside running VMMs, which holds their threads for tens "
                "of microseconds: off never does, clock reads VM clocks on threads that are no "
                "vCPU's, correct may hold vCPUs too, to read their kHz and to correct their "
                "offsets."),
          [](auto& s) -> auto& { return s.attach_mode; },
          {{"off", AttachMode::kOff},
           {"clock", AttachMode::kClock},
           {"correct", AttachMode::kCorrect}}),
      duration_setting(
          named("attach.clock_interval", "--attach.clock-interval", "Attaching",
                "Time from one reading of a VM's clock to the next."),
          [](auto& s) -> auto& { return s.attach_clock_interval; }, seconds(1), hours(1)),
      switch_setting(
          named("attach.suspend_seccomp", "--attach.suspend-seccomp", "Attaching",
                "Whether to attach also to threads whose seccomp filters deny our calls or cannot "
                "be read, with the filters suspended while the calls run. Needs CAP_SYS_ADMIN. If "
                "this process is killed in those microseconds, the filter may kill the VMM."),
          [](auto& s) -> auto& { return s.attach_suspend_seccomp; }),
      attach_rules_setting("attach.exclude",
                           "Rules for the VMs that nobody may stop, not even for a microsecond: "
                           "those that one matches are never attached to.",
                           &Settings::attach_exclude),
      attach_rules_setting("attach.include",
                           "Rules for the VMs that may be attached to: with any rule here, no "
                           "other is. attach.exclude goes before it.",
                           &Settings::attach_include),

      switch_setting(
          named("correction.enabled", "--correction.enabled", "Correcting",
                "Whether the API accepts corrections of TSC offsets. They need "
                "--attach.mode correct as well."),
          [](auto& s) -> auto& { return s.correction_enabled; }),
      duration_setting(
          named("correction.max_step", "--correction.max-step", "Correcting",
                "The largest change of a guest's TSC that one correction may make "
                "without being allowed to by name, as guest time."),
          [](auto& s) -> auto& { return s.correction_max_step; }, nanoseconds(1), hours(1)),
      count_setting(
          named("correction.per_vm_per_hour", "--correction.per-vm-per-hour", "Correcting",
                "How many corrections of one VM may be begun in an hour."),
          [](auto& s) -> auto& { return s.correction_per_vm_per_hour; }, 1, 1000),
      count_setting(
          named("correction.per_host_per_hour", "--correction.per-host-per-hour", "Correcting",
                "How many corrections of all VMs together may be begun in an hour."),
          [](auto& s) -> auto& { return s.correction_per_host_per_hour; }, 1, 1000),
      path_setting(
          named("audit.path", "--audit.path", "Correcting",
                "The database of plans, corrections and refusals, who asked for them and "
                "what came of them. Used where corrections are enabled; its directory is "
                "made if need be."),
          [](auto& s) -> auto& { return s.audit_path; }, false),

      choice_setting(named("log.level", "--log.level", "Logging",
                           "The least important messages to log, on standard error."),
                     [](auto& s) -> auto& { return s.log_level; },
                     {{"trace", "trace"},
                      {"debug", "debug"},
                      {"info", "info"},
                      {"warn", "warn"},
                      {"error", "error"},
                      {"off", "off"}}),
      choice_setting(named("log.format", "--log.format", "Logging", "The form of a log line."),
                     [](auto& s) -> auto& { return s.log_format; },
                     {{"logfmt", LogFormat::kLogfmt}, {"json", LogFormat::kJson}}),

      switch_setting(
          named("demo", "--demo", "Demonstration",
                "Serve a simulated fleet beside the VMs of this host, which are attached to only "
                "where attach.mode was set. Simulated VMs can be corrected with a token that it "
                "prints, unless correction.enabled was set to false."),
          [](auto& s) -> auto& { return s.demo; }),
  };
}

}  // namespace

const std::vector<Setting>& settings_schema() {
  static const std::vector<Setting> schema = build();
  return schema;
}

}  // namespace kvmtsc
