#include "tests/integration/certificates.h"

#include <utility>
#include <vector>

#include "base/file.h"
#include "tests/integration/process.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{20000};

Result<CertificateFiles> make_files(const TemporaryDirectory& directory, const std::string& name,
                                    const std::vector<std::string>& more) {
  CertificateFiles files{directory.path() + "/" + name + ".crt",
                         directory.path() + "/" + name + ".key"};
  // A configuration of our own: the machine's may add what it likes.
  const std::string config =
      directory.write("openssl.cnf", "[req]\ndistinguished_name = dn\n[dn]\n");
  std::vector<std::string> command{"openssl",
                                   "req",
                                   "-x509",
                                   "-config",
                                   config,
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:P-256",
                                   "-noenc",
                                   "-days",
                                   "1",
                                   "-subj",
                                   "/CN=" + name,
                                   "-out",
                                   files.certificate,
                                   "-keyout",
                                   files.key};
  command.insert(command.end(), more.begin(), more.end());
  const auto ended = run_program(std::move(command), "", kPatience);
  if (!ended) {
    return ended.error();
  }
  if (ended->status.code != 0 || ended->status.signal != 0) {
    return Error{ErrorKind::kIo, "openssl req: " + ended->error_output, ""};
  }
  return files;
}

}  // namespace

std::string yaml_text(const std::string& key, const std::string& file) {
  const auto pem = read_file(file, std::size_t{1} << 20);
  std::string yaml = "  " + key + ": |\n    ";
  for (const char c : pem ? *pem : pem.error().text()) {
    yaml += c == '\n' ? "\n    " : std::string(1, c);
  }
  return yaml + "\n";
}

Result<CertificateAuthority> CertificateAuthority::make(const TemporaryDirectory& directory,
                                                        const std::string& name) {
  auto files = make_files(directory, name, {"-addext", "basicConstraints=critical,CA:TRUE"});
  if (!files) {
    return files.error();
  }
  return CertificateAuthority(directory, *std::move(files));
}

Result<CertificateFiles> CertificateAuthority::issue(const std::string& name,
                                                     const std::string& names) const {
  std::vector<std::string> more{"-CA",     files_.certificate,
                                "-CAkey",  files_.key,
                                "-addext", "basicConstraints=critical,CA:FALSE"};
  if (!names.empty()) {
    more.insert(more.end(), {"-addext", "subjectAltName=" + names});
  }
  return make_files(*directory_, name, more);
}

}  // namespace kvmtsc::integration
