// Reading small files and listing directories of /proc, /sys and debugfs.
//
// Kernel files are made at the moment they are read and may vanish between any two calls, so every
// function opens, reads and closes in one go, and says kNotFound or kGone for what has vanished.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace kvmtsc {

// Opens a directory for use with the *at functions below (O_PATH is not enough to list it).
Result<UniqueFd> open_directory(const std::string& path);
Result<UniqueFd> open_directory_at(int directory, const char* path);

// Reads a file of less than `buffer.size()` bytes with one read() (debugfs attributes are not
// seekable, and one read returns them whole). A file that fills the buffer is kInvalid. The result
// points into `buffer`. `directory` may be AT_FDCWD. Allocates only on failure.
Result<std::string_view> read_small_file_at(int directory, const char* path,
                                            std::span<char> buffer);

// Reads a whole file, which may be longer than one read() returns; more than `max_bytes` is
// kInvalid.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Names of the entries, without "." and "..", in no particular order.
Result<std::vector<std::string>> list_directory(const std::string& path);
Result<std::vector<std::string>> list_directory_at(int directory, const char* path);

// Target of a symbolic link (not followed).
Result<std::string> read_link(const std::string& path);

}  // namespace kvmtsc
