// CertificateAuthority: makes certificates for a test, with the openssl program, as PEM files in
// the test's directory. Valid for a day.
#pragma once

#include <string>

#include "base/result.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc::integration {

struct CertificateFiles {
  std::string certificate;
  std::string key;  // without a pass phrase
};

// `file`'s text as the value of a key of tls_server_config.
std::string yaml_text(const std::string& key, const std::string& file);

class CertificateAuthority {
 public:
  // Its files are `name`.crt and `name`.key. `directory` outlives this.
  static Result<CertificateAuthority> make(const TemporaryDirectory& directory,
                                           const std::string& name);

  // A certificate with that common name, in `name`.crt and `name`.key. `names` is OpenSSL's list of
  // subject alternative names; empty for none.
  Result<CertificateFiles> issue(const std::string& name,
                                 const std::string& names = "IP:127.0.0.1") const;

  const std::string& certificate() const { return files_.certificate; }

 private:
  CertificateAuthority(const TemporaryDirectory& directory, CertificateFiles files)
      : directory_(&directory), files_(std::move(files)) {}

  const TemporaryDirectory* directory_;
  CertificateFiles files_;
};

}  // namespace kvmtsc::integration
