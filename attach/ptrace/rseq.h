// Restartable sequences (rseq(2)): a thread stopped inside one must be put back at the sequence's
// abort handler, not where it was.
//
// The kernel does that itself when a thread that was descheduled returns to user space inside a
// sequence. A thread that we send elsewhere first no longer is inside it by then: the kernel only
// forgets the sequence (rseq_ip_fixup() in kernel/rseq.c), and the thread would go on in the middle
// of it on data that belongs to another CPU by now.
#pragma once

#include <cstdint>
#include <optional>

#include "attach/ptrace/tid.h"

namespace kvmtsc::injection {

// struct rseq_cs of linux/rseq.h.
struct RestartableSequence {
  std::uint32_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t start = 0;
  std::uint64_t length = 0;  // post_commit_offset
  std::uint64_t abort = 0;
};

// Where a thread at `instruction` must go on; absent when it is not inside `sequence`. Pure.
std::optional<RemoteAddress> abort_address(const RestartableSequence& sequence,
                                           RemoteAddress instruction);

// The same for a stopped thread that is not inside a system call. Absent also where the kernel does
// not tell (before Linux 5.13). Allocates nothing.
std::optional<RemoteAddress> pending_abort(Tid thread, RemoteAddress instruction);

}  // namespace kvmtsc::injection
