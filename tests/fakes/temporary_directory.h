// TemporaryDirectory: a directory of one test's own, removed with all that is in it.
#pragma once

#include <string>
#include <string_view>

namespace kvmtsc {

class TemporaryDirectory {
 public:
  // Open to all users to read, so that a test that puts root's rights down can look in. Ends the
  // program if the directory cannot be made.
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

  // Writes a file, making the directories that lead to it; what was there is replaced. Returns its
  // whole path.
  std::string write(const std::string& name, std::string_view content) const;

 private:
  std::string path_;
};

}  // namespace kvmtsc
