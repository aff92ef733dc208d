#include "attach/ptrace/rseq.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <span>

#include "attach/ptrace/remote_memory.h"

namespace kvmtsc::injection {
namespace {

// From linux/ptrace.h, which does not go together with sys/ptrace.h.
constexpr long kGetRseqConfiguration = 0x420f;
struct RseqConfiguration {
  std::uint64_t area;
  std::uint32_t size;
  std::uint32_t signature;
  std::uint32_t flags;
  std::uint32_t padding;
};
constexpr std::uint64_t kSequencePointer = 8;  // offset of rseq_cs in struct rseq

template <typename T>
bool read_object(Tid thread, RemoteAddress from, T& into) {
  return read_memory(thread, from, std::as_writable_bytes(std::span{&into, 1})) == 0;
}

}  // namespace

std::optional<RemoteAddress> abort_address(const RestartableSequence& sequence,
                                           RemoteAddress instruction) {
  if (instruction.value - sequence.start >= sequence.length) {
    return std::nullopt;
  }
  return RemoteAddress{sequence.abort};
}

std::optional<RemoteAddress> pending_abort(Tid thread, RemoteAddress instruction) {
  RseqConfiguration configuration{};
  if (::syscall(SYS_ptrace, kGetRseqConfiguration, thread.value, sizeof configuration,
                &configuration) < 0 ||
      configuration.area == 0) {
    return std::nullopt;
  }
  RemoteAddress pointer;
  RestartableSequence sequence;
  if (!read_object(thread, RemoteAddress{configuration.area} + kSequencePointer, pointer.value) ||
      pointer.value == 0 || !read_object(thread, pointer, sequence)) {
    return std::nullopt;
  }
  return abort_address(sequence, instruction);
}

}  // namespace kvmtsc::injection
