// RealKvm: a fixture for tests that make VMs of their own on /dev/kvm; skipped where that cannot
// be.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace kvmtsc {

class RealKvm : public testing::Test {
 protected:
  void SetUp() override {
    kvm_.reset(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!kvm_.valid()) {
      GTEST_SKIP() << "/dev/kvm cannot be opened: " << ::strerror(errno);
    }
    if (!create_vm().valid()) {
      GTEST_SKIP() << "/dev/kvm makes no VM: " << ::strerror(errno);
    }
  }

  // A VM without vCPUs, for as long as its descriptor is open.
  UniqueFd create_vm() const { return UniqueFd(::ioctl(kvm_.get(), KVM_CREATE_VM, 0)); }

 private:
  UniqueFd kvm_;
};

}  // namespace kvmtsc
