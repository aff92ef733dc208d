#include "exporter/service.h"

#include <utility>

#include "attach/ptrace/ptrace_clock_source.h"
#include "exporter/log/log.h"
#include "exporter/routes.h"

namespace kvmtsc {
namespace {

// The demo's fleet is the same every time.
constexpr std::uint64_t kDemoSeed = 1;
constexpr std::size_t kDemoVms = 12;

SweepOptions sweep_options(const Settings& settings) {
  SweepOptions options;
  options.interval = settings.sweep_interval;
  return options;
}

Result<IdentityRules> compile_rules(const Settings& settings) {
  std::vector<IdentityRuleText> texts;
  for (const IdentityRule& rule : settings.identity_rules) {
    texts.push_back({rule.subject == IdentitySubject::kCgroup
                         ? IdentityRuleText::Subject::kCgroup
                         : IdentityRuleText::Subject::kCommandLine,
                     rule.pattern, rule.name, rule.uuid});
  }
  return IdentityRules::compile(texts);
}

void configure_log(const Settings& settings) {
  const auto level = log::parse_level(settings.log_level);
  log::configure(level ? *level : log::Level::kInfo, settings.log_format == LogFormat::kJson
                                                         ? log::Format::kJson
                                                         : log::Format::kLogfmt);
}

// The keys that differ and that a running service cannot change.
std::string needs_restart(const Settings& running, const Settings& wanted) {
  std::string keys;
  const auto note = [&](bool differs, const char* key) {
    if (differs) {
      keys += (keys.empty() ? "" : ", ") + std::string(key);
    }
  };
  note(running.paths != wanted.paths, "path");
  note(running.listen_addresses != wanted.listen_addresses, "web.listen_address");
  note(running.web_config_file != wanted.web_config_file, "web.config_file");
  note(running.attach_mode != wanted.attach_mode, "attach.mode");
  note(running.attach_clock_interval != wanted.attach_clock_interval, "attach.clock_interval");
  note(running.attach_suspend_seccomp != wanted.attach_suspend_seccomp, "attach.suspend_seccomp");
  note(running.correction_enabled != wanted.correction_enabled, "correction.enabled");
  note(running.correction_max_step != wanted.correction_max_step, "correction.max_step");
  note(running.correction_per_vm_per_hour != wanted.correction_per_vm_per_hour,
       "correction.per_vm_per_hour");
  note(running.correction_per_host_per_hour != wanted.correction_per_host_per_hour,
       "correction.per_host_per_hour");
  note(running.audit_path != wanted.audit_path, "audit.path");
  note(running.demo != wanted.demo, "demo");
  return keys;
}

std::vector<OffsetSource*> sources_of(DebugfsSource& debugfs, SimulatedFleet* fleet) {
  std::vector<OffsetSource*> sources{&debugfs};
  if (fleet != nullptr) {
    sources.push_back(fleet);
  }
  return sources;
}

// The demo attaches to this host's VMs, so that there is something to see of their clocks.
AttachMode attach_mode(const Settings& settings) {
  return settings.demo && settings.attach_mode == AttachMode::kOff ? AttachMode::kClock
                                                                   : settings.attach_mode;
}

std::unique_ptr<ClockSource> make_clock_source(const Settings& settings) {
  if (attach_mode(settings) == AttachMode::kOff) {
    return nullptr;
  }
  injection::PtraceOptions options;
  options.root = settings.paths;
  options.policy.suspend_seccomp = settings.attach_suspend_seccomp;
  return std::make_unique<injection::PtraceClockSource>(std::move(options));
}

std::unique_ptr<ClockSampling> make_clock_sampling(const Settings& settings, ClockSource* source) {
  if (source == nullptr) {
    return nullptr;
  }
  ClockSamplingOptions options;
  options.interval = settings.attach_clock_interval;
  options.frequencies = attach_mode(settings) == AttachMode::kCorrect;
  return std::make_unique<ClockSampling>(options, *source, system_clock());
}

}  // namespace

Service::Service(const CommandLine& command_line, const Settings& settings, IdentityRules rules)
    : command_line_(command_line),
      settings_(settings),
      identifier_(settings.paths, std::move(rules)),
      debugfs_(settings.paths, identifier_, system_clock()),
      host_clock_(settings.paths, system_clock()),
      fleet_(settings.demo ? std::make_unique<SimulatedFleet>(kDemoSeed, kDemoVms, system_clock())
                           : nullptr),
      clock_source_(make_clock_source(settings)),
      clock_sampling_(make_clock_sampling(settings, clock_source_.get())),
      sweep_(sweep_options(settings), system_clock(), host_clock_,
             sources_of(debugfs_, fleet_.get()), clock_sampling_.get()),
      sampler_(sweep_, sweep_options(settings),
               [this](const Snapshot& snapshot) { sweep_log_.observe(snapshot); }) {}

Status Service::check(const Settings& settings) {
  // Whoever asks for passwords must not be served without them.
  if (!settings.web_config_file.empty()) {
    return Error{ErrorKind::kUnsupported,
                 "web.config_file is set, but this version has neither TLS nor passwords",
                 "leave it out, and listen on a loopback address or a unix socket"};
  }
  return ok_status();
}

Result<std::unique_ptr<Service>> Service::start(const CommandLine& command_line,
                                                const Settings& settings) {
  if (auto checked = check(settings); !checked) {
    return checked.error();
  }
  auto rules = compile_rules(settings);
  if (!rules) {
    return rules.error();
  }
  configure_log(settings);
  std::unique_ptr<Service> service(new Service(command_line, settings, *std::move(rules)));
  if (auto serving = service->serve(); !serving) {
    return serving.error();
  }
  return service;
}

Status Service::serve() {
  http::ServerOptions options;
  options.listen = settings_.listen_addresses;
  options.log = [](const std::string& line) { log::warn("HTTP server", {{"detail", line}}); };
  RouteSources sources;
  sources.latest = [this] { return sampler_.latest(); };
  sources.sweep_interval = [this] { return sweep_interval(); };
  sources.reload = [this] { return reload(); };
  sources.clock = &system_clock();
  auto server = http::Server::start(options, make_routes(sources));
  if (!server) {
    return server.error();
  }
  server_ = *std::move(server);
  return ok_status();
}

Nanoseconds Service::sweep_interval() const {
  const std::lock_guard lock(mutex_);
  return settings_.sweep_interval;
}

Result<std::string> Service::reload() {
  const std::lock_guard lock(mutex_);
  auto wanted = load_settings(command_line_);
  const Status checked = wanted ? check(*wanted) : Status(wanted.error());
  auto rules = checked ? compile_rules(*wanted) : Result<IdentityRules>(checked.error());
  if (!rules) {
    log::error("configuration refused, the running one stays", log::with_error({}, rules.error()));
    return rules.error();
  }
  const std::string restart = needs_restart(settings_, *wanted);
  configure_log(*wanted);
  sampler_.reconfigure(sweep_options(*wanted),
                       [this, rules = *std::move(rules)] { adopt_rules(rules); });
  settings_.sweep_interval = wanted->sweep_interval;
  settings_.identity_rules = wanted->identity_rules;
  settings_.log_level = wanted->log_level;
  settings_.log_format = wanted->log_format;
  std::string outcome = "configuration reloaded";
  if (!restart.empty()) {
    outcome += "; changes to these need a restart: " + restart;
  }
  log::info(outcome);
  return outcome;
}

void Service::adopt_rules(IdentityRules rules) {
  identifier_.set_rules(std::move(rules));
  debugfs_.forget_identities();
  sweep_.forget_labels();
}

}  // namespace kvmtsc
