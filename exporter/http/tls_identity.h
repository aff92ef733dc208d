// TlsIdentity: the certificate by which a server is believed, with its chain and key, as its two
// sources last gave a pair that fits. Any thread.
#pragma once

#include <time.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "exporter/http/pem.h"

namespace kvmtsc::http {

// What one reading of the two gave.
struct TlsPair {
  std::vector<Certificate> certificates;  // the server's own, and those between it and its CA
  Key key;
};

class TlsIdentity {
 public:
  // What came of a changed file: it is served from now on, or why not. Said once for each change,
  // in any thread.
  using Report = std::function<void(const Status&)>;

  TlsIdentity(PemSource certificate, PemSource key, Report report);

  // Reads the first pair; the rest is to be called only if that is right. Errors name the source.
  Status start();

  // Reads files that have changed. If the new pair cannot be used the old one stays.
  void refresh();

  // The pair; changed files are looked for first, at most once a second.
  std::shared_ptr<const TlsPair> newest();

  // Until when the certificate is valid. Absent where it gives no such date.
  std::optional<RealTime> not_after() const;

 private:
  void look();  // with mutex_ held

  const PemSource certificate_;
  const PemSource key_;
  const Report report_;

  mutable std::mutex mutex_;
  std::shared_ptr<const TlsPair> pair_;  // guarded by mutex_, as all below
  PemVersion certificate_version_;
  PemVersion key_version_;
  time_t looked_ = 0;
};

}  // namespace kvmtsc::http
