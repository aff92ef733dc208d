// What settings come to where others decide it too: a setting that is not used, or not as it says,
// is never so without a word. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace kvmtsc {

// Whether a token that corrects simulated VMs is made: with --demo, unless correction.enabled was
// set to false.
bool corrects_simulated_vms(const Settings& settings);

// Where the audit is kept: audit.path, or ":memory:" where no guest can be changed and there is
// nothing to remember. The demo's is in memory unless audit.path was set.
std::string audit_place(const Settings& settings);

// A setting whose own value does not tell what the service does.
struct SettingNote {
  std::string key;
  std::string effect;  // a sentence without a full stop: "not used, for attach.mode is off"

  bool operator==(const SettingNote&) const = default;
};

// In the order of --help. Of settings that are not used only those that were set.
std::vector<SettingNote> setting_notes(const Settings& settings);

}  // namespace kvmtsc
