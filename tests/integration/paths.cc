#include "tests/integration/paths.h"

#include <unistd.h>

#include <cstdlib>

#include "base/parse.h"

namespace kvmtsc::integration {
namespace {

std::string environment_or(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

std::string product_program(const std::string& name) {
  return environment_or("KVM_TSC_BIN_DIR", KVM_TSC_BUILT_BIN_DIR) + "/" + name;
}

std::string prometheus_program(const std::string& name) {
  return environment_or("KVM_TSC_THIRD_PARTY_DIR", KVM_TSC_BUILT_THIRD_PARTY_DIR) +
         "/prometheus/usr/bin/" + name;
}

std::string find_in_path(const std::string& name) {
  if (name.starts_with('/')) {
    return ::access(name.c_str(), X_OK) == 0 ? name : std::string{};
  }
  const std::string path = environment_or("PATH", "/usr/bin:/bin");
  for (const std::string_view directory : split(path, ':')) {
    std::string candidate = std::string(directory) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return {};
}

}  // namespace kvmtsc::integration
