#include "collectors/command_line.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "collectors/given_options.h"
#include "collectors/option_values.h"
#include "collectors/vmm_table.h"

namespace kvmtsc {
namespace {

using Arguments = std::span<const std::string>;

bool is_program(std::string_view called, std::string_view program, Arguments argv) {
  constexpr std::size_t kCommLength = 15;
  if (const auto space = program.find(' '); space != std::string_view::npos) {
    return called == program.substr(0, space) && argv.size() > 1 &&
           argv[1] == program.substr(space + 1);
  }
  constexpr std::string_view kSuffix = "[-*]";
  if (program.ends_with(kSuffix)) {
    program.remove_suffix(kSuffix.size());
    return called == program || called == program.substr(0, kCommLength) ||
           (called.starts_with(program) && called.substr(program.size()).starts_with('-'));
  }
  if (program.ends_with('*')) {
    return called.starts_with(program.substr(0, program.size() - 1));
  }
  return called == program;
}

const VmmProgram* vmm_called(std::string_view called, Arguments argv) {
  const auto found = std::ranges::find_if(
      vmm_programs(), [&](const VmmProgram& one) { return is_program(called, one.program, argv); });
  return found == vmm_programs().end() ? nullptr : &*found;
}

bool has_name(const VmmOption& option, std::string_view name) {
  return std::ranges::find(option.names, name) != option.names.end();
}

// What `option` says in a command line.
class Reading {
 public:
  Reading(const VmmProgram& program, Arguments argv, pid_t pid, const NamedFile& named_file)
      : program_(&program), argv_(argv), pid_(pid), named_file_(&named_file) {
    std::set<std::string_view> wanted;
    for (const VmmOption& option : vmm_options()) {
      if (option.vmm == program.vmm) {
        wanted.insert(option.names.begin(), option.names.end());
      }
    }
    wanted.erase("");
    given_ = given_options(program.style, argv.empty() ? argv : argv.subspan(1), wanted);
    std::ranges::reverse(given_);
  }

  std::string field(IdentityField field) const {
    for (int rank = 1; rank <= kMostRanks; ++rank) {
      for (const GivenOption& given : given_) {
        for (const VmmOption& option : vmm_options()) {
          if (counts(option, field, rank) && has_name(option, given.name)) {
            if (auto said = value_of(option, given.value); !said.empty()) {
              return said;
            }
          }
        }
      }
      for (const VmmOption& option : vmm_options()) {
        if (counts(option, field, rank) && option.names.front().empty() && !argv_.empty()) {
          if (auto said = unnamed(option); !said.empty()) {
            return said;
          }
        }
      }
    }
    return {};
  }

 private:
  static constexpr int kMostRanks = 3;

  bool counts(const VmmOption& option, IdentityField field, int rank) const {
    return option.vmm == program_->vmm && option.gives == field && option.rank == rank;
  }

  std::string value_of(const VmmOption& option, std::string_view value) const {
    switch (option.form) {
      case OptionForm::kQemuFirstKey:
        return qemu_key(value, option.key, option.key).value_or("");
      case OptionForm::kQemuKey:
        if (const auto equals = option.only_if.find('='); equals != std::string_view::npos) {
          const auto other = qemu_key(value, option.only_if.substr(0, equals), {});
          if (other != option.only_if.substr(equals + 1)) {
            return {};
          }
        }
        return qemu_key(value, option.key, {}).value_or("");
      case OptionForm::kListKey:
        return std::string(value_in_list(value, option.key));
      case OptionForm::kSocketName:
        return std::string(socket_name(socket_path(value)));
      case OptionForm::kSocketDirectory: {
        const std::string_view path = socket_path(value);
        return base_name(path) == option.key && path.size() > option.key.size()
                   ? std::string(base_name(path.substr(0, path.size() - option.key.size() - 1)))
                   : std::string();
      }
      case OptionForm::kConfigName:
        return qemu_config_key((*named_file_)(value), "name", "guest").value_or("");
      case OptionForm::kValue:
      case OptionForm::kAt:
        return std::string(value);
      case OptionForm::kLastArgument:
      case OptionForm::kConstant:
      case OptionForm::kConstantPid:
        break;
    }
    return {};
  }

  // Of the rows that are no option. Without arguments nothing is known, not even that there was no
  // option.
  std::string unnamed(const VmmOption& option) const {
    switch (option.form) {
      case OptionForm::kLastArgument:
        return argv_.size() > 2 && std::ranges::find(argv_.first(argv_.size() - 1), option.key) !=
                                       argv_.first(argv_.size() - 1).end()
                   ? argv_.back()
                   : std::string();
      case OptionForm::kConstant:
        return std::string(option.key);
      case OptionForm::kConstantPid:
        return std::string(option.key) + std::to_string(pid_);
      default:
        return {};
    }
  }

  const VmmProgram* program_;
  Arguments argv_;
  pid_t pid_;
  const NamedFile* named_file_;
  std::vector<GivenOption> given_;  // the last first
};

}  // namespace

std::optional<CommandLineIdentity> identify_command_line(std::span<const std::string> argv,
                                                         std::string_view comm, pid_t pid,
                                                         const NamedFile& named_file) {
  const VmmProgram* program = argv.empty() ? nullptr : vmm_called(base_name(argv[0]), argv);
  if (program == nullptr) {
    program = vmm_called(comm, argv);
  }
  if (program == nullptr) {
    return std::nullopt;
  }
  const Reading reading(*program, argv, pid, named_file);
  CommandLineIdentity identity{std::string(program->vmm), reading.field(IdentityField::kName),
                               reading.field(IdentityField::kUuid)};
  if (identity.uuid.empty() && is_uuid(identity.name)) {
    identity.uuid = identity.name;
  }
  return identity;
}

}  // namespace kvmtsc
