// Which programs of classic BPF the kernel takes for seccomp filters. Pure.
#pragma once

#include <linux/filter.h>

#include <span>

namespace kvmtsc::injection {

// As seccomp_check_filter() in kernel/seccomp.c and bpf_check_classic() in net/core/filter.c
// decide: known codes, loads of whole words within struct seccomp_data, jumps that lead forward and
// stay inside, memory that is written before it is read, a return at the end.
bool is_seccomp_program(std::span<const sock_filter> program);

}  // namespace kvmtsc::injection
