// ApiWorld: the API with the real CorrectionService over the simulated fleet, in one thread and on
// a clock that stands still, and what became of it all.
#pragma once

#include <set>
#include <string>

#include "collectors/simulated/attach.h"
#include "exporter/api/api.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc::fuzz {

// Passes everything on to a writer, and counts.
class CountingWriter final : public OffsetWriter {
 public:
  explicit CountingWriter(OffsetWriter& writer) : writer_(&writer) {}
  Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                            MonotonicTime deadline) override {
    ++writes;
    return writer_->write(vm, offsets, deadline);
  }
  std::size_t writes = 0;

 private:
  OffsetWriter* writer_;
};

class ApiWorld {
 public:
  ApiWorld();

  http::Response call(const http::Request& request) { return router_.route(request); }
  // The sampling thread's work: what is queued, then two sweeps.
  void sweep();

  const Snapshot& latest() const { return *latest_; }
  std::size_t recorded() const { return journal_.all.size(); }
  std::size_t writes() const { return writer_.writes; }

 private:
  void sweep_once();

  FakeClock clock_;
  FakeJournal journal_;
  SimulatedFleet fleet_{1, 8, clock_};
  SimulatedAttach attach_{fleet_, clock_, nullptr, nullptr};
  CountingWriter writer_{attach_};
  SnapshotPtr latest_;
  CorrectionService service_;
  http::Router router_;
};

}  // namespace kvmtsc::fuzz
