#include "config/help.h"

#include <string_view>

#include "base/parse.h"
#include "config/flags.h"
#include "config/settings_schema.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kWidth = 96;
constexpr std::string_view kIndent = "      ";

constexpr std::string_view kIntroduction =
    R"(kvm-tsc-exporter reports the TSC offsets of this host's KVM guests, and the skew between the
vCPUs of each, to Prometheus. It changes nothing in any guest unless corrections are enabled and
somebody with the right to asks for one.

Usage: kvm-tsc-exporter [FLAG]...

Write --flag=VALUE or --flag VALUE. Each setting can also stand in the file that --config.file
names, under the key that is given with it: "sweep.interval" is the key "interval" of the map
"sweep". A flag wins over the file, the file over the default. SIGHUP and POST /-/reload read the
file again, and the web configuration: sweep.interval, identity.rules, attach.exclude,
attach.include, log.level, log.format, users, tokens and rate_limit change at once, all others with
a restart. A DURATION is whole numbers with units: 250ms, 5s, 1m30s, 1h (h, m, s, ms, us, ns).

Reading the real VMs takes root, or CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE, and a mounted debugfs.
)";

constexpr std::string_view kExamples = R"(
Examples:
  Serve on every IPv4 address and on a unix socket, reading every second:
    kvm-tsc-exporter --web.listen-address=0.0.0.0:10078 \
      --web.listen-address=unix:/run/kvm-tsc-exporter.sock --sweep.interval=1s
  Check a configuration before a reload:
    kvm-tsc-exporter --config.file=/etc/kvm-tsc-exporter.yml --config.check
)";

// `text` in lines of at most kWidth, each indented.
std::string wrapped(std::string_view text) {
  std::string out;
  std::string line(kIndent);
  for (const std::string_view word : split(text, ' ')) {
    if (line.size() > kIndent.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = kIndent;
    }
    line.append(line.size() > kIndent.size() ? " " : "").append(word);
  }
  return out + line + "\n";
}

std::string entry(const Setting& setting, const Settings& defaults) {
  if (setting.kind == SettingKind::kRules) {
    return "  (no flag; YAML only: " + setting.key + ")\n" +
           wrapped(setting.help + " Default: none. The commented default file shows one.");
  }
  std::string head = "  " + setting.flag;
  head += setting.kind == SettingKind::kSwitch ? "[=true|false]" : "=" + setting.value_name;
  const std::string value = setting.show(defaults);
  return head + "\n" + wrapped(setting.help) +
         wrapped("Default: " + (value.empty() ? "none" : value) + ". YAML: " + setting.key + "; " +
                 setting.takes + ".");
}

}  // namespace

std::string help_text() {
  const Settings defaults;
  std::string text(kIntroduction);
  text += "\nCommand:\n";
  for (const PlainFlag& plain : kPlainFlags) {
    text.append("  ").append(plain.flag);
    if (!plain.value_name.empty()) {
      text.append("=").append(plain.value_name);
    }
    text += "\n" + wrapped(plain.help);
  }
  std::string_view group;
  for (const Setting& setting : settings_schema()) {
    if (setting.group != group) {
      group = setting.group;
      text.append("\n").append(group).append(":\n");
    }
    text += entry(setting, defaults);
  }
  return text.append(kExamples);
}

}  // namespace kvmtsc
