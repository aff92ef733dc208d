#include "exporter/service.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <string_view>
#include <utility>

#include "base/join.h"
#include "base/version.h"
#include "collectors/migration_signs.h"
#include "exporter/effective_settings.h"
#include "exporter/log/log.h"
#include "exporter/logged_journal.h"
#include "exporter/routes.h"
#include "exporter/service_parts.h"
#include "exporter/store/sqlite_journal.h"

namespace kvmtsc {
namespace {

// The demo's fleet is the same every time.
constexpr std::uint64_t kDemoSeed = 1;
constexpr std::size_t kDemoVms = 12;

std::vector<OffsetSource*> sources_of(DebugfsSource& debugfs, SimulatedFleet* fleet) {
  std::vector<OffsetSource*> sources{&debugfs};
  if (fleet != nullptr) {
    sources.push_back(fleet);
  }
  return sources;
}

// Whichever is there, the demo's first: it passes on what is not its own.
template <typename Port>
Port* first_of(SimulatedAttach* simulated, Port* real) {
  return simulated != nullptr ? simulated : real;
}

template <typename Guarded, typename Port>
std::unique_ptr<Guarded> guarded(const AttachGuard& guard, Port* port) {
  return port == nullptr ? nullptr : std::make_unique<Guarded>(guard, *port);
}

void log_server_line(const std::string& line) {
  log::warn("HTTP server", {{"detail", line}});
}

Result<WebConfig> web_config_of(const Settings& settings) {
  return settings.web_config_file.empty() ? WebConfig{} : load_web_config(settings.web_config_file);
}

// 128 bits in hexadecimal digits.
std::string random_token() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string token;
  for (int i = 0; i < 32; ++i) {
    token += kDigits[random() % kDigits.size()];
  }
  return token;
}

// The demo's visitor, who may correct simulated VMs and no others. Nobody without a token.
void admit_demo(const std::string& token, WebConfig& config) {
  if (!token.empty()) {
    config.tokens.push_back({"demo",
                             http::sha256_hex(token),
                             {WebRole::kOperator, {}, std::string(SimulatedFleet::kName)}});
  }
}

}  // namespace

Service::Service(const CommandLine& command_line, const Settings& settings, Needs needs)
    : command_line_(command_line),
      settings_(settings),
      identifier_(settings.paths, std::move(needs.rules)),
      debugfs_(settings.paths, identifier_, system_clock()),
      host_clock_(settings.paths, system_clock()),
      fleet_(settings.demo ? std::make_unique<SimulatedFleet>(kDemoSeed, kDemoVms, system_clock())
                           : nullptr),
      attaching_(make_attaching(settings)),
      simulated_attach_(fleet_ == nullptr
                            ? nullptr
                            : std::make_unique<SimulatedAttach>(*fleet_, system_clock(),
                                                                attaching_.clock_source.get(),
                                                                attaching_.offset_writer.get())),
      attach_guard_(settings.paths, std::move(needs.attach_rules)),
      guarded_clocks_(guarded<GuardedClockSource>(
          attach_guard_,
          first_of<ClockSource>(simulated_attach_.get(), attaching_.clock_source.get()))),
      guarded_writer_(guarded<GuardedOffsetWriter>(
          attach_guard_,
          first_of<OffsetWriter>(simulated_attach_.get(), attaching_.offset_writer.get()))),
      clock_sampling_(make_clock_sampling(settings, guarded_clocks_.get())),
      journal_(std::move(needs.journal)),
      audit_watch_(correction_options(settings).enabled ? std::make_unique<AuditWatch>(*journal_)
                                                        : nullptr),
      corrections_(correction_options(settings),
                   {guarded_writer_.get(), guarded_clocks_.get(), journal_.get(), &system_clock(),
                    [this] { return sampler_.latest(); },
                    [paths = settings.paths](const VmIdentity& vm) {
                      return shows_migration(paths, vm.pid);
                    },
                    [this] { sampler_.run_soon([this] { corrections_.run_queued(); }); },
                    [this](const VmKey& vm) {
                      if (clock_sampling_ != nullptr) {
                        clock_sampling_->renew(vm);
                      }
                    }}),
      access_(std::move(needs.access)),
      demo_token_(std::move(needs.demo_token)),
      sweep_(sweep_options(settings), system_clock(), host_clock_,
             sources_of(debugfs_, fleet_.get()), clock_sampling_.get()),
      sampler_(sweep_, sweep_options(settings),
               [this](Snapshot& snapshot) { after_sweep(snapshot); }) {}

void Service::after_sweep(Snapshot& snapshot) {
  corrections_.observe(snapshot);
  snapshot.corrections = corrections_.counts();
  if (snapshot.holds) {
    snapshot.holds->vcpus.add(snapshot.corrections->held);
  }
  sweep_log_.observe(snapshot);
}

Status Service::check(const Settings& settings) {
  if (settings.correction_enabled && settings.attach_mode != AttachMode::kCorrect) {
    return Error{ErrorKind::kInvalid, "correction.enabled is set and attach.mode is not correct",
                 "set attach.mode to correct as well, or leave correction.enabled out"};
  }
  const auto config = web_config_of(settings);
  if (!config) {
    return config.error();
  }
  // The demo's own token is a way in.
  if (auto possible = somebody_gets_in(*config, settings.listen_addresses);
      !possible && !corrects_simulated_vms(settings)) {
    return possible;
  }
  Access access(system_clock());
  return access.configure(*config);
}

Result<Service::Needs> Service::gather(const Settings& settings) {
  if (auto checked = check(settings); !checked) {
    return checked.error();
  }
  auto rules = compile_rules(settings);
  if (!rules) {
    return rules.error();
  }
  auto attach_rules = compile_attach_rules(settings);
  if (!attach_rules) {
    return attach_rules.error();
  }
  auto journal = SqliteJournal::open(audit_place(settings));
  if (!journal) {
    return journal.error();
  }
  auto config = web_config_of(settings);
  if (!config) {
    return config.error();
  }
  Needs needs{*std::move(rules),
              *std::move(attach_rules),
              std::make_unique<LoggedJournal>(*std::move(journal)),
              std::make_unique<Access>(system_clock()),
              {}};
  if (corrects_simulated_vms(settings)) {
    needs.demo_token = random_token();
  }
  admit_demo(needs.demo_token, *config);
  if (auto configured = needs.access->configure(*config); !configured) {
    return configured.error();
  }
  return needs;
}

Result<std::unique_ptr<Service>> Service::start(const CommandLine& command_line,
                                                const Settings& settings) {
  configure_log(settings);
  for (const SettingNote& note : setting_notes(settings)) {
    log::info("setting", {{"key", note.key}, {"effect", note.effect}});
  }
  auto needs = gather(settings);
  if (!needs) {
    return needs.error();
  }
  std::unique_ptr<Service> service(new Service(command_line, settings, *std::move(needs)));
  if (auto recovered = service->corrections_.recover(); !recovered) {
    return recovered.error();
  }
  if (auto serving = service->serve(); !serving) {
    return serving.error();
  }
  return service;
}

Status Service::serve() {
  http::ServerOptions options;
  options.listen = settings_.listen_addresses;
  options.log = log_server_line;
  access_->equip(options);
  RouteSources sources;
  sources.latest = [this] { return sampler_.latest(); };
  sources.sweep_interval = [this] { return sweep_interval(); };
  sources.reload = [this] { return reload(); };
  sources.facts = [this] { return service_facts(); };
  sources.clock = &system_clock();
  http::Router router = make_routes(sources);
  add_api_routes(router, {sources.latest, [this] { return api_facts(); }, &corrections_,
                          journal_.get(), &system_clock()});
  auto server = http::Server::start(options, std::move(router));
  if (!server) {
    return server.error();
  }
  server_ = *std::move(server);
  access_->keep_watch();
  return ok_status();
}

ServiceFacts Service::service_facts() const {
  const auto audit = audit_state();
  const std::lock_guard lock(mutex_);
  return {access_->logins().failures(),
          access_->logins().lockouts(),
          reload_succeeded_,
          last_good_reload_,
          access_->certificate_not_after(),
          audit ? std::optional{audit->ok()} : std::nullopt,
          journal_->failures()};
}

ApiFacts Service::api_facts() const {
  const std::lock_guard lock(mutex_);
  const BuildInfo build = build_info();
  return {std::string(build.version),
          std::string(build.revision),
          attach_mode_name(settings_.attach_mode),
          settings_.sweep_interval,
          correction_options(settings_).enabled,
          settings_.correction_max_step,
          audit_state()};
}

std::optional<Status> Service::audit_state() const {
  return audit_watch_ == nullptr ? std::nullopt : audit_watch_->latest();
}

Nanoseconds Service::sweep_interval() const {
  const std::lock_guard lock(mutex_);
  return settings_.sweep_interval;
}

Result<std::string> Service::reload() {
  const std::lock_guard lock(mutex_);
  auto outcome = try_reload();
  reload_succeeded_ = outcome.ok();
  if (outcome) {
    last_good_reload_ = system_clock().realtime();
  }
  return outcome;
}

Result<std::string> Service::try_reload() {
  auto wanted = load_settings(command_line_);
  const Status checked = wanted ? check(*wanted) : Status(wanted.error());
  auto rules = checked ? compile_rules(*wanted) : Result<IdentityRules>(checked.error());
  auto attach_rules = rules ? compile_attach_rules(*wanted) : Result<AttachRules>(rules.error());
  if (!attach_rules) {
    log::error("configuration refused, the running one stays",
               log::with_error({}, attach_rules.error()));
    return attach_rules.error();
  }
  attach_guard_.set_rules(*std::move(attach_rules));
  std::vector<std::string> restart = needs_restart(settings_, *wanted);
  if (settings_.web_config_file == wanted->web_config_file) {
    // It was checked a moment ago; should it have changed since, the next reload will tell.
    if (auto config = web_config_of(*wanted)) {
      std::ranges::move(access_->needs_restart(*config), std::back_inserter(restart));
      admit_demo(demo_token_, *config);
      static_cast<void>(access_->configure(*config));
      access_->refresh_certificate();
    }
  }
  configure_log(*wanted);
  sampler_.reconfigure(sweep_options(*wanted),
                       [this, rules = *std::move(rules)] { adopt_rules(rules); });
  settings_.sweep_interval = wanted->sweep_interval;
  settings_.identity_rules = wanted->identity_rules;
  settings_.attach_exclude = wanted->attach_exclude;
  settings_.attach_include = wanted->attach_include;
  settings_.log_level = wanted->log_level;
  settings_.log_format = wanted->log_format;
  std::string outcome = "configuration reloaded";
  if (!restart.empty()) {
    outcome += "; changes to these need a restart: " + join(restart, ", ");
  }
  log::info(outcome);
  return outcome;
}

void Service::adopt_rules(IdentityRules rules) {
  identifier_.set_rules(std::move(rules));
  debugfs_.forget_identities();
  sweep_.forget_labels();
  if (clock_sampling_ != nullptr) {
    clock_sampling_->renew_all();
  }
}

}  // namespace kvmtsc
