// ApiWorld: the API with the real CorrectionService over the simulated fleet, in one thread and on
// a clock that stands still, and what became of it all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "collectors/simulated/attach.h"
#include "exporter/api/api.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc::fuzz {

// Passes everything on to a writer and counts; or does as a KVM that accepts offsets and ignores
// them.
class CountingWriter final : public OffsetWriter {
 public:
  explicit CountingWriter(OffsetWriter& writer) : writer_(&writer) {}
  Result<ForeseenWrite> foresee(const AttachTarget& /*vm*/,
                                std::span<const VcpuId> /*vcpus*/) const override {
    return ForeseenWrite{};
  }
  std::string why_ignored(const AttachTarget& vm) const override {
    return writer_->why_ignored(vm);
  }
  Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                            MonotonicTime deadline) override;
  std::size_t writes = 0;
  bool ignores = false;

 private:
  OffsetWriter* writer_;
};

class ApiWorld {
 public:
  ApiWorld();

  http::Response call(const http::Request& request) { return router_.route(request); }
  // The sampling thread's work: what is queued, then two sweeps.
  void sweep();
  // From now on the world is worse: KVM ignores what is written, the journal cannot take an event,
  // or there is no snapshot until the next sweep.
  void ignore_writes() { writer_.ignores = true; }
  void fail_at(const std::string& event) { journal_.fails_at = event; }
  void forget() { latest_ = nullptr; }

  // Whether a good request may fail by no fault of its own.
  bool troubled() const { return latest_ == nullptr || !journal_.fails_at.empty(); }
  bool has_snapshot() const { return latest_ != nullptr; }
  const Snapshot& latest() const { return *latest_; }
  std::size_t recorded() const { return journal_.all.size(); }
  std::size_t recorded(const std::string& event) {
    return static_cast<std::size_t>(std::ranges::count(journal_.words(), event));
  }
  std::size_t writes() const { return writer_.writes; }

 private:
  void sweep_once();

  FakeClock clock_;
  FakeJournal journal_;
  SimulatedFleet fleet_{1, 8, clock_};
  SimulatedAttach attach_{fleet_, clock_, nullptr, nullptr};
  CountingWriter writer_{attach_};
  std::uint64_t sequence_ = 0;
  SnapshotPtr latest_;
  CorrectionService service_;
  http::Router router_;
};

}  // namespace kvmtsc::fuzz
