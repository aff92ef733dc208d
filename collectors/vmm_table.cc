#include "collectors/vmm_table.h"

namespace kvmtsc {
namespace {

constexpr auto kName = IdentityField::kName;
constexpr auto kUuid = IdentityField::kUuid;

// No "kvm-*": those are kernel threads.
constexpr std::array kPrograms{
    VmmProgram{"qemu", "qemu-system-*", OptionStyle::kQemu},
    VmmProgram{"qemu", "qemu-kvm", OptionStyle::kQemu},
    VmmProgram{"qemu", "kvm", OptionStyle::kQemu},
    VmmProgram{"firecracker", "firecracker[-*]", OptionStyle::kLong},
    VmmProgram{"firecracker", "jailer", OptionStyle::kLong},
    VmmProgram{"cloud-hypervisor", "cloud-hypervisor[-*]", OptionStyle::kLong},
    VmmProgram{"crosvm", "crosvm[-*]", OptionStyle::kLong},
    VmmProgram{"kvmtool", "lkvm[-*]", OptionStyle::kLong},
    VmmProgram{"kvmtool", "kvmtool[-*]", OptionStyle::kLong},
    VmmProgram{"kvmtool", "vm run", OptionStyle::kLong},
    VmmProgram{"gvisor", "runsc-sandbox", OptionStyle::kLong},
};

constexpr std::array kOptions{
    VmmOption{
        "qemu", kName, 1, "-name [guest=]NAME", {"-name"}, OptionForm::kQemuFirstKey, "guest"},
    // QEMU takes [name] from such a file, and ignores a uuid in its section [smbios].
    VmmOption{"qemu", kName, 1, "-readconfig FILE", {"-readconfig"}, OptionForm::kConfigName},
    VmmOption{"qemu", kName, 2, "-avd NAME", {"-avd"}, OptionForm::kValue},
    VmmOption{"qemu", kName, 2, "@NAME", {"@"}, OptionForm::kAt},
    VmmOption{"qemu", kName, 3, "-id ID", {"-id"}, OptionForm::kValue},
    VmmOption{"qemu", kUuid, 1, "-uuid UUID", {"-uuid"}, OptionForm::kValue},
    VmmOption{"qemu",
              kUuid,
              1,
              "-smbios type=1,uuid=UUID",
              {"-smbios"},
              OptionForm::kQemuKey,
              "uuid",
              "type=1"},
    VmmOption{"firecracker", kName, 1, "--id ID", {"--id"}, OptionForm::kValue},
    VmmOption{
        "firecracker", kName, 2, "none of these", {}, OptionForm::kConstant, "anonymous-instance"},
    VmmOption{"cloud-hypervisor",
              kName,
              1,
              "--api-socket [path=]DIR/clh-api.sock",
              {"--api-socket"},
              OptionForm::kSocketDirectory,
              "clh-api.sock"},
    VmmOption{"cloud-hypervisor",
              kName,
              2,
              "--api-socket [path=]PATH",
              {"--api-socket"},
              OptionForm::kSocketName},
    VmmOption{"cloud-hypervisor",
              kUuid,
              1,
              "--platform uuid=UUID",
              {"--platform"},
              OptionForm::kListKey,
              "uuid"},
    VmmOption{"crosvm", kName, 1, "--name NAME", {"--name"}, OptionForm::kValue},
    VmmOption{
        "crosvm", kName, 2, "--socket PATH, -s PATH", {"--socket", "-s"}, OptionForm::kSocketName},
    VmmOption{"crosvm", kUuid, 1, "--smbios uuid=UUID", {"--smbios"}, OptionForm::kListKey, "uuid"},
    VmmOption{"kvmtool", kName, 1, "--name NAME", {"--name"}, OptionForm::kValue},
    VmmOption{"kvmtool", kName, 2, "none of these", {}, OptionForm::kConstantPid, "guest-"},
    VmmOption{"gvisor", kName, 1, "boot ... ID", {}, OptionForm::kLastArgument, "boot"},
};

}  // namespace

std::span<const VmmProgram> vmm_programs() {
  return kPrograms;
}

std::span<const VmmOption> vmm_options() {
  return kOptions;
}

}  // namespace kvmtsc
