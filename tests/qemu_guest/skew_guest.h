// The page through which whoever started the guest asks it for its skew: at physical address
// SKEW_PAGE, little-endian. The guest answers a question by setting `answered` to what `asked` is,
// last.
#pragma once

#include <stdint.h>

struct SkewPage {
  uint32_t asked;     // written from outside
  uint32_t answered;  // 0 until the first answer
  int64_t low;        // vCPU 1's TSC less vCPU 0's lies between `low` and `high`, in ticks
  int64_t high;
  // Between the vCPUs.
  uint32_t ball;      // thrown by vCPU 0
  uint32_t returned;  // by vCPU 1
  uint64_t tsc;       // of vCPU 1 when it had seen the ball
};

#define SKEW_PAGE 0x200000  // firmware leaves it alone: it is zero at first
