#include "base/version.h"

namespace kvmtsc {
namespace {

#if defined(__clang__)
constexpr std::string_view kCompiler = "Clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "GCC " __VERSION__;
#endif

}  // namespace

BuildInfo build_info() {
  std::string_view compiler = kCompiler;
  while (compiler.ends_with(' ')) {  // __clang_version__ ends in one
    compiler.remove_suffix(1);
  }
  return {KVM_TSC_VERSION, KVM_TSC_REVISION, compiler};
}

std::string version_text() {
  const BuildInfo info = build_info();
  std::string text = "kvm-tsc-exporter ";
  text.append(info.version).append(" (revision ").append(info.revision);
  text.append(", ").append(info.compiler).append(")\n");
  return text;
}

}  // namespace kvmtsc
