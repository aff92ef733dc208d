#include "exporter/effective_settings.h"

namespace kvmtsc {
namespace {

constexpr const char* kInMemory = ":memory:";

bool attaches(const Settings& settings) {
  return settings.attach_mode != AttachMode::kOff;
}

bool corrects(const Settings& settings) {
  return settings.correction_enabled || corrects_simulated_vms(settings);
}

void note_unused(const Settings& settings, const char* key, const char* why,
                 std::vector<SettingNote>& notes) {
  if (settings.given.contains(key)) {
    notes.push_back({key, std::string("not used, for ") + why});
  }
}

}  // namespace

bool corrects_simulated_vms(const Settings& settings) {
  return settings.demo &&
         (settings.correction_enabled || !settings.given.contains("correction.enabled"));
}

std::string audit_place(const Settings& settings) {
  const bool kept = settings.demo ? settings.given.contains("audit.path") && corrects(settings)
                                  : settings.correction_enabled;
  return kept ? settings.audit_path : kInMemory;
}

std::vector<SettingNote> setting_notes(const Settings& settings) {
  std::vector<SettingNote> notes;
  if (!attaches(settings)) {
    if (!settings.demo) {
      note_unused(settings, "attach.clock_interval", "attach.mode is off", notes);
    }
    if (settings.attach_suspend_seccomp) {
      note_unused(settings, "attach.suspend_seccomp", "attach.mode is off", notes);
    }
    if (!settings.demo) {
      note_unused(settings, "attach.exclude", "attach.mode is off", notes);
      note_unused(settings, "attach.include", "attach.mode is off", notes);
    }
  }
  if (corrects_simulated_vms(settings) && !settings.correction_enabled) {
    notes.push_back({"correction.enabled", "true for simulated VMs, for this is the demo"});
  }
  if (!corrects(settings)) {
    note_unused(settings, "correction.per_vm_per_hour", "corrections are off", notes);
    note_unused(settings, "correction.per_host_per_hour", "corrections are off", notes);
    note_unused(settings, "audit.path", "corrections are off", notes);
  } else if (audit_place(settings) == kInMemory) {
    notes.push_back({"audit.path", "the demo's audit is in memory, for no path was set"});
  }
  return notes;
}

}  // namespace kvmtsc
