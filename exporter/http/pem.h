// PEM: certificates and keys as text, in a file that may change or in the configuration itself.
#pragma once

#include <sys/stat.h>
#include <time.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/result.h"

namespace kvmtsc::http {

struct PemSource {
  std::string name;                 // of the file; where there is a text, what messages call that
  std::optional<std::string> text;  // taken instead of a file's

  bool given() const { return !name.empty(); }
};

// Which file it is and when it was written; of a text always the same.
struct PemVersion {
  dev_t device = 0;
  ino_t inode = 0;
  timespec modified{};
  friend bool operator==(const PemVersion& a, const PemVersion& b) {
    return a.device == b.device && a.inode == b.inode && a.modified.tv_sec == b.modified.tv_sec &&
           a.modified.tv_nsec == b.modified.tv_nsec;
  }
};
PemVersion version_of(const PemSource& source);

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

// `what`, and why OpenSSL says so, of the calling thread's last error.
Error openssl_error(const std::string& what);

// All of them in their order, one at least. Errors name the source: kPermission and kNotFound of a
// file, kInvalid of what is in it.
Result<std::vector<Certificate>> read_certificates(const PemSource& source);

// One without a pass phrase, for nobody is there to type it. Errors as above.
Result<Key> read_key(const PemSource& source);

}  // namespace kvmtsc::http
