// TempDir: a private directory that vanishes with its owner.
#pragma once

#include <string>
#include <string_view>

namespace kvmtsc::integration {

class TempDir {
 public:
  TempDir();  // ends the program if /tmp cannot be written
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

  // Writes a file below it and returns the file's path.
  std::string write(const std::string& name, std::string_view text) const;

 private:
  std::string path_;
};

}  // namespace kvmtsc::integration
