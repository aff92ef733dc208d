// The examples of rules in docs/identity.md do what the document says of them.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "config/load.h"
#include "exporter/service_parts.h"

namespace kvmtsc {
namespace {

// The blocks of YAML in a document.
std::vector<std::string> examples_in(const std::string& path) {
  const auto page = read_file(KVM_TSC_SOURCE_DIR "/" + path, std::size_t{1} << 20);
  EXPECT_TRUE(page) << path;
  std::vector<std::string> blocks;
  const std::string text = page ? *page : "";
  const std::string fence = "```yaml\n";
  for (auto at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    blocks.push_back(text.substr(at, text.find("```", at) - at));
  }
  return blocks;
}

struct Seen {
  const char* command_line;
  const char* cgroup;
  const char* name;  // that the rule gives; null where it does not match
};

TEST(IdentityDocuments, EachExampleDoesWhatItSays) {
  const std::array seen{
      Seen{"/usr/libexec/qemu-kvm -name guest=default_testvm,debug-threads=on -S -uuid u", "",
           "default/testvm"},
      Seen{"",
           "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-"
           "pod0f2a5c1e_9f6f_4a3e_8a2b_1d2c3b4a5f60.slice/cri-containerd-1234.scope",
           "pod-0f2a5c1e-9f6f-4a3e-8a2b-1d2c3b4a5f60"},
      Seen{"/usr/bin/kvm -id 100 -name db-1,debug-threads=on -no-shutdown", "", "100 (db-1)"},
      Seen{"/usr/bin/kvm -id 100", "/qemu.slice/100.scope", "vm-100"},
  };
  const auto blocks = examples_in("docs/identity.md");
  ASSERT_EQ(blocks.size(), seen.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto settings = parse_settings(blocks[i], "docs/identity.md");
    ASSERT_TRUE(settings) << settings.error().text();
    const auto rules = compile_rules(*settings);
    ASSERT_TRUE(rules) << rules.error().text();
    const auto match = rules->match(seen[i].command_line, seen[i].cgroup);
    ASSERT_TRUE(match) << blocks[i];
    EXPECT_EQ(match->name, seen[i].name);
    EXPECT_EQ(match->uuid, "") << "the uuid is left to the options";
    EXPECT_FALSE(rules->match("/usr/bin/qemu-system-x86_64 -name web", "/machine.slice"));
  }
}

}  // namespace
}  // namespace kvmtsc
