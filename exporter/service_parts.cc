#include "exporter/service_parts.h"

#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "exporter/effective_settings.h"
#include "exporter/log/log.h"

namespace kvmtsc {
namespace {

injection::PtraceOptions ptrace_options(const Settings& settings) {
  injection::PtraceOptions options;
  options.root = settings.paths;
  options.policy.suspend_seccomp = settings.attach_suspend_seccomp;
  return options;
}

std::vector<AttachRuleText> texts_of(const std::vector<AttachRule>& rules) {
  using Subject = AttachRuleText::Subject;
  const auto subject_of = [](AttachSubject subject) {
    switch (subject) {
      case AttachSubject::kName:
        return Subject::kName;
      case AttachSubject::kUuid:
        return Subject::kUuid;
      case AttachSubject::kCommandLine:
        return Subject::kCommandLine;
      case AttachSubject::kCgroup:
        return Subject::kCgroup;
    }
    return Subject::kName;
  };
  std::vector<AttachRuleText> texts;
  texts.reserve(rules.size());
  for (const AttachRule& rule : rules) {
    texts.push_back({subject_of(rule.subject), rule.pattern});
  }
  return texts;
}

}  // namespace

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

Result<AttachRules> compile_attach_rules(const Settings& settings) {
  return AttachRules::compile(texts_of(settings.attach_exclude), texts_of(settings.attach_include));
}

void configure_log(const Settings& settings) {
  const auto level = log::parse_level(settings.log_level);
  log::configure(level ? *level : log::Level::kInfo, settings.log_format == LogFormat::kJson
                                                         ? log::Format::kJson
                                                         : log::Format::kLogfmt);
}

std::vector<std::string> needs_restart(const Settings& running, const Settings& wanted) {
  std::vector<std::string> keys;
  const auto note = [&](bool differs, const char* key) {
    if (differs) {
      keys.emplace_back(key);
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

Attaching make_attaching(const Settings& settings) {
  Attaching attaching;
  const injection::PtraceOptions options = ptrace_options(settings);
  if (settings.attach_mode != AttachMode::kOff) {
    attaching.clock_source = std::make_unique<injection::PtraceClockSource>(options);
  }
  if (settings.correction_enabled && settings.attach_mode == AttachMode::kCorrect) {
    attaching.offset_writer = std::make_unique<injection::PtraceOffsetWriter>(options);
  }
  return attaching;
}

std::unique_ptr<ClockSampling> make_clock_sampling(const Settings& settings, ClockSource* source) {
  if (source == nullptr) {
    return nullptr;
  }
  ClockSamplingOptions options;
  options.interval = settings.attach_clock_interval;
  options.frequencies = settings.attach_mode == AttachMode::kCorrect;
  return std::make_unique<ClockSampling>(options, *source, system_clock());
}

CorrectionOptions correction_options(const Settings& settings) {
  CorrectionOptions options;
  options.enabled = settings.correction_enabled || corrects_simulated_vms(settings);
  options.max_step = settings.correction_max_step;
  options.per_vm_per_hour = settings.correction_per_vm_per_hour;
  options.per_host_per_hour = settings.correction_per_host_per_hour;
  return options;
}

const char* attach_mode_name(AttachMode mode) {
  switch (mode) {
    case AttachMode::kOff:
      return "off";
    case AttachMode::kClock:
      return "clock";
    case AttachMode::kCorrect:
      return "correct";
  }
  return "";
}

}  // namespace kvmtsc
