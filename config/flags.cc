#include "config/flags.h"

#include <algorithm>
#include <exception>

#include <CLI/CLI.hpp>

#include "base/nearest.h"
#include "config/problems.h"
#include "config/settings_schema.h"

namespace kvmtsc {
namespace {

// One flag that CLI11 knows and we read back.
struct Known {
  std::string flag;
  const Setting* setting;  // nullptr for a PlainFlag
  bool takes_value;
  std::string takes;
  CLI::Option* option;
};

class Parser {
 public:
  Parser() {
    app_.set_help_flag();  // ours instead
    app_.allow_extras();
    for (const Setting& setting : settings_schema()) {
      if (!setting.flag.empty()) {
        add(setting.flag, "--" + setting.key, &setting, setting.kind != SettingKind::kSwitch,
            setting.takes);
      }
    }
    for (const PlainFlag& plain : kPlainFlags) {
      add(std::string(plain.flag), plain.flag == "--help" ? "-h" : "", nullptr,
          !plain.value_name.empty(),
          plain.value_name.empty() ? "it takes none" : "it takes a path");
    }
  }

  Result<Flags> parse(const std::vector<std::string>& arguments) {
    try {
      std::vector<std::string> words = prepare(arguments);
      std::reverse(words.begin(), words.end());  // as CLI11 wants them
      app_.parse(std::move(words));
    } catch (const CLI::Error&) {
      // The one thing CLI11 still finds wrong by itself: no word is left for the last flag.
      lacks_value(arguments.empty() ? "" : arguments.back());
    } catch (const std::exception& error) {
      return Error{ErrorKind::kInvalid, std::string("command line: ") + error.what(), {}};
    }
    Flags flags;
    for (const Known& known : known_) {
      collect(known, flags);
    }
    for (const std::string& word : app_.remaining()) {
      unknown(word);
    }
    if (!problems_.empty() && !flags.help && !flags.version) {
      return problems_.error({});
    }
    return flags;
  }

 private:
  void add(const std::string& flag, const std::string& alias, const Setting* setting,
           bool takes_value, const std::string& takes) {
    const std::string names = alias.empty() || alias == flag ? flag : flag + "," + alias;
    CLI::Option* option = nullptr;
    if (takes_value) {
      option = app_.add_option(names, [](const CLI::results_t&) { return true; });
      option->expected(1)->allow_extra_args(false);
    } else {
      option = app_.add_flag(names);
    }
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    known_.push_back({flag, setting, takes_value, takes, option});
  }

  const Known* find(std::string_view word) const {
    const std::string name(word.substr(0, word.find('=')));
    for (const Known& known : known_) {
      if (name.starts_with("-") && known.option->check_name(name)) {
        return &known;
      }
    }
    return nullptr;
  }

  void lacks_value(const std::string& word) {
    const Known* known = find(word);
    problems_.add(0, known != nullptr ? known->flag : word, "it has no value",
                  known != nullptr ? known->takes : "");
  }

  // CLI11 takes "--flag=" for a flag whose value is the next word, and a flag after one that lacks
  // its value for that value.
  std::vector<std::string> prepare(const std::vector<std::string>& arguments) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& word = arguments[i];
      const Known* known = find(word);
      const auto equals = word.find('=');
      if (known != nullptr && equals + 1 == word.size()) {
        if (known->takes_value) {
          words.push_back(word.substr(0, equals));
          words.emplace_back();
        } else {
          lacks_value(word);
        }
      } else if (known != nullptr && known->takes_value && equals == std::string::npos) {
        if (i + 1 < arguments.size() && find(arguments[i + 1]) != nullptr) {
          lacks_value(word);
        } else {
          words.push_back(word);
          if (i + 1 < arguments.size()) {
            words.push_back(arguments[++i]);
          }
        }
      } else {
        words.push_back(word);
      }
    }
    return words;
  }

  void collect(const Known& known, Flags& flags) {
    const std::vector<std::string>& values = known.option->results();
    if (values.empty()) {
      return;
    }
    const bool list = known.setting != nullptr && known.setting->kind == SettingKind::kList;
    if (values.size() > 1 && !list) {
      problems_.add(0, known.flag, "given " + std::to_string(values.size()) + " times",
                    "it takes one value");
    }
    if (known.setting != nullptr) {
      flags.values[known.setting->key] = values;
    } else if (known.flag == "--config.file") {
      flags.config_file = values.front();
      if (flags.config_file.empty()) {
        problems_.add(0, known.flag, "it is empty", known.takes);
      }
    } else {
      if (values.front() != "true") {
        problems_.add(0, known.flag, in_quotes(values.front()) + " is a value", known.takes);
      }
      bool& asked = known.flag == "--config.check" ? flags.check_only
                    : known.flag == "--version"    ? flags.version
                                                   : flags.help;
      asked = true;
    }
  }

  void unknown(const std::string& word) {
    if (!word.starts_with("-")) {
      problems_.add(0, {}, "unexpected word " + in_quotes(word),
                    "there are flags only, see --help");
      return;
    }
    std::vector<std::string_view> candidates;
    for (const Known& known : known_) {
      candidates.push_back(std::string_view(known.flag).substr(2));
    }
    const std::string name = word.substr(0, word.find('='));
    const auto near =
        nearest(std::string_view(name).substr(name.starts_with("--") ? 2 : 1), candidates);
    problems_.add(
        0, name,
        near ? "unknown flag (did you mean --" + std::string(*near) + "?)" : "unknown flag",
        "see --help");
  }

  CLI::App app_;
  std::vector<Known> known_;
  Problems problems_;
};

}  // namespace

Result<Flags> parse_flags(const std::vector<std::string>& arguments) {
  return Parser().parse(arguments);
}

Status apply_flags(const Flags& flags, Settings& settings) {
  Problems problems;
  for (const Setting& setting : settings_schema()) {
    const auto given = flags.values.find(setting.key);
    if (given == flags.values.end()) {
      continue;
    }
    if (const Status status = setting.assign(settings, given->second); !status) {
      problems.add(0, setting.flag, status.error());
    }
    settings.given.keys.insert(setting.key);
  }
  return problems.empty() ? ok_status() : Status(problems.error({}));
}

}  // namespace kvmtsc
