#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "config/flags.h"
#include "config/problems.h"
#include "config/settings_schema.h"
#include "config/yaml_document.h"
#include "config/yaml_reader.h"

namespace kvmtsc {
namespace {

// The schema's keys as a tree: the names directly below `parent`, each once.
std::vector<std::string_view> names_below(std::string_view parent) {
  const std::string prefix = parent.empty() ? "" : std::string(parent) + ".";
  std::vector<std::string_view> names;
  for (const Setting& setting : settings_schema()) {
    if (setting.key.starts_with(prefix)) {
      std::string_view name = std::string_view(setting.key).substr(prefix.size());
      name = name.substr(0, name.find('.'));
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  return names;
}

const Setting* find_setting(std::string_view key) {
  const auto& schema = settings_schema();
  const auto found = std::find_if(schema.begin(), schema.end(),
                                  [&](const Setting& setting) { return setting.key == key; });
  return found == schema.end() ? nullptr : &*found;
}

void load_setting(const Setting& setting, const YamlNode& node, std::size_t line,
                  Settings& settings, Problems& problems) {
  std::vector<std::string> values;
  settings.given.keys.insert(setting.key);
  if (setting.kind == SettingKind::kRules) {
    setting.read(settings, node, problems);
    return;
  }
  if (setting.kind == SettingKind::kList) {
    auto texts = read_texts(node, setting.key, setting.takes, problems);
    if (!texts) {
      return;
    }
    values = *std::move(texts);
  } else {
    auto text = read_text(node, setting.key, setting.takes, problems);
    if (!text) {
      return;
    }
    values.push_back(*std::move(text));
  }
  if (const Status status = setting.assign(settings, values); !status) {
    problems.add(line, setting.key, status.error());
  }
}

void load_map(const YamlNode& node, const std::string& parent, Settings& settings,
              Problems& problems) {
  for (const YamlEntry& entry : read_map(node, parent, names_below(parent), problems)) {
    const std::string key = child_key(parent, entry.name);
    const Setting* setting = find_setting(key);
    if (setting != nullptr) {
      load_setting(*setting, *entry.value, entry.line, settings, problems);
    } else {
      load_map(*entry.value, key, settings, problems);
    }
  }
}

Result<std::string> read_config_file(const std::string& path) {
  std::error_code failed;
  const auto type = std::filesystem::status(path, failed).type();
  // Opening a FIFO would wait for a writer, and a reload could not read it a second time.
  if (!failed &&
      (type == std::filesystem::file_type::directory || type == std::filesystem::file_type::fifo ||
       type == std::filesystem::file_type::socket)) {
    return Error{ErrorKind::kInvalid, path + ": not a regular file",
                 "--config.file takes a YAML file"};
  }
  auto content = read_file(path, kMaxConfigBytes);
  if (!content) {
    Error error = content.error();
    error.remedy = "--config.file takes a YAML file that this process can read";
    return error;
  }
  return content;
}

}  // namespace

Result<Settings> parse_settings(const std::string& yaml, const std::string& file) {
  Settings settings;
  Problems problems;
  const auto document = parse_yaml(yaml, problems);
  if (document) {
    load_map(*document, "", settings, problems);
  }
  if (!problems.empty()) {
    return problems.error(file);
  }
  return settings;
}

Result<Settings> load_settings(const CommandLine& command_line) {
  const auto flags = parse_flags(command_line.arguments);
  if (!flags) {
    return flags.error();
  }
  Settings settings;
  if (!command_line.config_file.empty()) {
    const auto content = read_config_file(command_line.config_file);
    if (!content) {
      return content.error();
    }
    auto loaded = parse_settings(*content, command_line.config_file);
    if (!loaded) {
      return loaded;
    }
    settings = *std::move(loaded);
  }
  if (const Status status = apply_flags(*flags, settings); !status) {
    return status.error();
  }
  return settings;
}

}  // namespace kvmtsc
