// What a test needs of the machine. Where it is missing the test is skipped, aloud, and ctest
// counts it as skipped.
#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace kvmtsc::integration {

// Each says what is missing, or nothing where all is there.
std::optional<std::string> missing_kvm();  // a VM can be created
std::optional<std::string> missing_root();
std::optional<std::string> missing_program(const std::string& name);     // in $PATH
std::optional<std::string> missing_prometheus(const std::string& name);  // paths.h

}  // namespace kvmtsc::integration

// Use in a test's body or in SetUp().
#define REQUIRE_PRESENT(missing)            \
  if (const auto absent = (missing)) {      \
    GTEST_SKIP() << "missing: " << *absent; \
  }                                         \
  static_assert(true, "takes the semicolon")

#define REQUIRE_KVM() REQUIRE_PRESENT(kvmtsc::integration::missing_kvm())
#define REQUIRE_ROOT() REQUIRE_PRESENT(kvmtsc::integration::missing_root())
#define REQUIRE_PROGRAM(name) REQUIRE_PRESENT(kvmtsc::integration::missing_program(name))
#define REQUIRE_PROMETHEUS(name) REQUIRE_PRESENT(kvmtsc::integration::missing_prometheus(name))

// Ends the test with the error's text when a Result holds one.
#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().text()
// Goes on.
#define EXPECT_OK(result) EXPECT_TRUE((result).ok()) << (result).error().text()
