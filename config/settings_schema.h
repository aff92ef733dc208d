// The one table of settings: what ties each one's YAML key, flag, range, default and help together.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/problems.h"
#include "config/settings.h"
#include "config/yaml_document.h"

namespace kvmtsc {

enum class SettingKind {
  kValue,   // a scalar
  kSwitch,  // a boolean; its flag may stand alone
  kList,    // a list of scalars; its flag may be repeated
  kRules,   // a list of maps; no flag, and `read` for `assign`
};

struct Setting {
  std::string key;         // "sweep.interval": nested maps in YAML
  std::string flag;        // "--sweep.interval"; empty if there is none
  std::string group;       // heading in --help
  std::string value_name;  // "DURATION"
  std::string help;        // one sentence or two
  std::string takes;       // "it takes a duration from 100ms to 1h"
  SettingKind kind = SettingKind::kValue;

  // Checks `values` (exactly one unless kList) and stores them. Errors: `message` says what is
  // wrong, `remedy` is `takes`; neither names the key. On error `settings` is unchanged.
  std::function<Status(Settings& settings, std::span<const std::string> values)> assign;
  // Of kRules: checks the list and stores it. With any problem `settings` is of no use.
  std::function<void(Settings& settings, const YamlNode& node, Problems& problems)> read;
  // The value as `assign` takes it; several are joined with ", ". Empty for kRules.
  std::function<std::string(const Settings& settings)> show;
};

// In the order of --help. Built once; any thread.
const std::vector<Setting>& settings_schema();

}  // namespace kvmtsc
