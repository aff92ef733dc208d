// docs/identity.md shows the very rows of collectors/vmm_table.h, and every row does what it says.
#include "collectors/vmm_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/parse.h"
#include "collectors/command_line.h"

namespace kvmtsc {
namespace {

using Lines = std::vector<std::string>;

std::string in_code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string taken(const VmmOption& option) {
  const std::string key = in_code(option.key);
  switch (option.form) {
    case OptionForm::kValue:
      return "all of it";
    case OptionForm::kQemuKey:
      return "the key " + key + "; a comma in it is doubled";
    case OptionForm::kQemuFirstKey:
      return "the key " + key + ", or a first part without key; a comma in it is doubled";
    case OptionForm::kListKey:
      return "the key " + key;
    case OptionForm::kSocketName:
      return "the last part of the path, without `.sock` or `.socket`";
    case OptionForm::kSocketDirectory:
      return "the last part of the directory";
    case OptionForm::kConfigName:
      return "the key `guest` of section `[name]` in that file";
    case OptionForm::kAt:
      return "what follows the `@`, in an argument that is no option's value";
    case OptionForm::kLastArgument:
      return "the last argument";
    case OptionForm::kConstant:
      return key;
    case OptionForm::kConstantPid:
      return key + " and the pid";
  }
  return "";
}

std::string row_of(const VmmOption& option) {
  const bool none = option.names.front().empty() && option.form != OptionForm::kLastArgument;
  return "| " + std::string(option.vmm) + " | " +
         (option.gives == IdentityField::kName ? "name" : "uuid") + " | " +
         std::to_string(option.rank) + " | " +
         (none ? std::string(option.written) : in_code(option.written)) + " | " + taken(option) +
         " |";
}

// The rows below the table head that begins so.
Lines documented(const std::string& head) {
  const auto page = read_file(KVM_TSC_SOURCE_DIR "/docs/identity.md", std::size_t{1} << 20);
  EXPECT_TRUE(page);
  const std::string text = page ? *page : "";
  Lines rows;
  bool inside = false;
  for (const std::string_view line : split(text, '\n')) {
    if (inside && !line.starts_with("|")) {
      break;
    }
    if (inside && !line.starts_with("|---")) {
      rows.emplace_back(line);
    }
    inside = inside || line == head;
  }
  return rows;
}

TEST(VmmTable, TheDocumentShowsItsRows) {
  Lines programs;
  for (const VmmProgram& one : vmm_programs()) {
    programs.push_back("| " + std::string(one.vmm) + " | " + in_code(one.program) + " |");
  }
  EXPECT_EQ(documented("| VMM | Program |"), programs);
  Lines options;
  for (const VmmOption& option : vmm_options()) {
    options.push_back(row_of(option));
  }
  EXPECT_EQ(documented("| VMM | Gives | Order | Option | What is taken |"), options);
}

struct Example {
  std::string vmm;
  std::string written;  // of the row that decides
  Lines argv;
  std::string says;  // "name|uuid"
};

const std::vector<Example>& examples() {
  static const std::string uuid = "c7a5fdbd-edaf-9455-926a-d65c16db1809";
  static const std::vector<Example> all{
      {"qemu",
       "-name [guest=]NAME",
       {"kvm", "-id", "100", "-name", "db-1,debug-threads=on"},
       "db-1|"},
      {"qemu",
       "-readconfig FILE",
       {"qemu-kvm", "-name", "x", "-readconfig", "/vm.cfg"},
       "of,file|"},
      {"qemu",
       "-avd NAME",
       {"qemu-system-x86_64", "-no-window", "-avd", "Pixel_6", "-qemu"},
       "Pixel_6|"},
      {"qemu", "@NAME", {"qemu-system-x86_64-headless", "@Pixel_6", "-no-window"}, "Pixel_6|"},
      {"qemu", "-id ID", {"kvm", "-id", "100", "-name", "debug-threads=on"}, "100|"},
      {"qemu", "-uuid UUID", {"kvm", "-name", "a", "-uuid", uuid}, "a|" + uuid},
      {"qemu",
       "-smbios type=1,uuid=UUID",
       {"kvm", "-id", "100", "-name", "db-1,debug-threads=on", "-smbios", "type=1,uuid=" + uuid},
       "db-1|" + uuid},
      {"firecracker", "--id ID", {"firecracker", "--id", "a-1"}, "a-1|"},
      {"firecracker", "none of these", {"firecracker", "--api-sock", "/x"}, "anonymous-instance|"},
      {"cloud-hypervisor",
       "--api-socket [path=]DIR/clh-api.sock",
       {"cloud-hypervisor", "--api-socket", "/run/vc/vm/0f3a/clh-api.sock"},
       "0f3a|"},
      {"cloud-hypervisor",
       "--api-socket [path=]PATH",
       {"cloud-hypervisor", "--api-socket", "path=/run/ch/web1.sock"},
       "web1|"},
      {"cloud-hypervisor",
       "--platform uuid=UUID",
       {"cloud-hypervisor", "--platform", "num_pci_segments=1,uuid=" + uuid},
       "|" + uuid},
      {"crosvm", "--name NAME", {"crosvm", "run", "--name", "n", "-s", "/s.sock"}, "n|"},
      {"crosvm", "--socket PATH, -s PATH", {"crosvm", "run", "-s", "/run/arcvm.sock"}, "arcvm|"},
      {"crosvm",
       "--smbios uuid=UUID",
       {"crosvm", "run", "--smbios", "manufacturer=a,uuid=" + uuid + ",oem-strings=[x]"},
       "|" + uuid},
      {"kvmtool", "--name NAME", {"lkvm", "run", "--name", "n"}, "n|"},
      {"kvmtool", "none of these", {"vm", "run", "-c", "2"}, "guest-4711|"},
      // As runsc 0.0~20221219.0 starts its sandbox.
      {"gvisor",
       "boot ... ID",
       {"runsc-sandbox",
        "--root=/run/runsc",
        "--network=none",
        "--platform=kvm",
        "--ignore-cgroups=true",
        "boot",
        "--proc-mount-sync-fd=19",
        "--bundle=bundle",
        "--pidns=true",
        "--total-memory",
        "25276510208",
        "--io-fds=3",
        "--overlay-filestore-fd=-1",
        "--mounts-fd=4",
        "--start-sync-fd=5",
        "--controller-fd=6",
        "--spec-fd=7",
        "--device-fd=8",
        "--stdio-fds=9",
        "--stdio-fds=10",
        "--stdio-fds=11",
        "web-sandbox-1"},
       "web-sandbox-1|"},
  };
  return all;
}

TEST(VmmTable, EveryRowHasAnExampleAndDoesWhatItSays) {
  for (const VmmOption& option : vmm_options()) {
    const auto example = std::ranges::find_if(examples(), [&](const Example& one) {
      return one.vmm == option.vmm && one.written == option.written;
    });
    ASSERT_NE(example, examples().end()) << row_of(option);
    const auto identity =
        identify_command_line(example->argv, "exe", 4711, [](std::string_view path) {
          EXPECT_EQ(path, "/vm.cfg");
          return std::string("[name]\n  guest = \"of,file\"\n[smbios]\n  uuid = \"no\"\n");
        });
    ASSERT_TRUE(identity) << row_of(option);
    EXPECT_EQ(identity->vmm, option.vmm);
    EXPECT_EQ(identity->name + "|" + identity->uuid, example->says) << row_of(option);
  }
  EXPECT_EQ(examples().size(), vmm_options().size());
}

TEST(VmmTable, EveryProgramIsKnown) {
  for (const VmmProgram& one : vmm_programs()) {
    std::string called(one.program.substr(0, one.program.find(' ')));
    const Lines argv{"/usr/bin/" + called.substr(0, called.find_first_of("*[")), "run"};
    const auto identity = identify_command_line(argv, "", 1, [](std::string_view) { return ""; });
    ASSERT_TRUE(identity) << one.program;
    EXPECT_EQ(identity->vmm, one.vmm);
  }
}

}  // namespace
}  // namespace kvmtsc
