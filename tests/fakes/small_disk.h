// SmallDisk: a file system of one test's own, in memory, that is soon full. Takes root.
#pragma once

#include <sys/mount.h>

#include <string>

#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {

class SmallDisk {
 public:
  // `size` as tmpfs takes it: "256k".
  explicit SmallDisk(const std::string& size)
      : mounted_(::mount("tmpfs", path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0) {}
  // What is open there stays usable for who has it open.
  ~SmallDisk() {
    if (mounted_) {
      ::umount2(path().c_str(), MNT_DETACH);
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // False where root is missing: skip the test.
  bool mounted() const { return mounted_; }

  const std::string& path() const { return directory_.path(); }

  bool resize(const std::string& size) const {
    return ::mount("tmpfs", path().c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()) == 0;
  }

 private:
  TemporaryDirectory directory_;
  bool mounted_;
};

}  // namespace kvmtsc
