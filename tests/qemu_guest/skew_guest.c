// A guest for a real QEMU with two vCPUs, which says itself how far their TSCs are apart: vCPU 0
// reads its own, throws a ball, and reads it again when the ball is back; vCPU 1 reads its own in
// between. Neither the host nor KVM has a part in it. As the kernel's check for TSC warps, but with
// an answer in ticks.
#include "skew_guest.h"

enum { kThrows = 200 };

static volatile struct SkewPage* const page = (volatile struct SkewPage*)SKEW_PAGE;

// No earlier load may come after it, none later before.
static uint64_t rdtsc(void) {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

static void relax(void) {
  __asm__ volatile("pause");
}

void ask_and_answer(void) {
  for (;;) {
    const uint32_t asked = page->asked;
    if (asked == page->answered) {
      relax();
      continue;
    }
    int64_t low = INT64_MIN, high = INT64_MAX;
    for (int i = 0; i < kThrows; ++i) {
      const uint32_t ball = page->ball + 1;
      const uint64_t before = rdtsc();
      page->ball = ball;
      while (page->returned != ball) {
        relax();
      }
      const uint64_t after = rdtsc();
      const int64_t least = (int64_t)(page->tsc - after), most = (int64_t)(page->tsc - before);
      low = least > low ? least : low;
      high = most < high ? most : high;
    }
    page->low = low;
    page->high = high;
    page->answered = asked;
  }
}

void return_balls(void) {
  for (;;) {
    const uint32_t ball = page->ball;
    if (ball == page->returned) {
      relax();
      continue;
    }
    page->tsc = rdtsc();
    page->returned = ball;
  }
}
