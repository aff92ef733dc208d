// A guest for a real QEMU with up to MAX_VCPUS (start.S) vCPUs, which says itself how far their
// TSCs are apart: vCPU 0 reads its own, throws a ball, and reads it again when the ball is back;
// another vCPU reads its own in between. Neither the host nor KVM has a part in it. As the kernel's
// check for TSC warps, but with an answer in ticks. It also does what an OS may do to its vCPUs
// (enum Order).
#include "skew_guest.h"

enum { kThrows = 200 };

// Of QEMU's machine "pc" (docs/specs/acpi_cpu_hotplug): a selector, and 4 above it the flags.
enum { kHotplugSelector = 0xaf00, kHotplugFlags = 0xaf04, kEjectFlag = 8 };
enum { kTscAdjust = 0x3b };

static volatile struct SkewPage* const page = (volatile struct SkewPage*)SKEW_PAGE;

// No earlier load may come after it, none later before.
static uint64_t rdtsc(void) {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

void start_others(void);  // start.S

static void relax(void) {
  __asm__ volatile("pause");
}

static void add_to_tsc_adjust(int64_t ticks) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(kTscAdjust));
  const uint64_t value = ((uint64_t)high << 32 | low) + (uint64_t)ticks;
  __asm__ volatile("wrmsr"
                   :
                   : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(kTscAdjust)
                   : "memory");
}

static void eject(uint32_t vcpu) {
  // A first write of 0 leaves the older interface, which firmware begins with.
  __asm__ volatile("outl %0, %w1" : : "a"(0), "d"(kHotplugSelector));
  __asm__ volatile("outl %0, %w1" : : "a"(vcpu), "d"(kHotplugSelector));
  __asm__ volatile("outb %b0, %w1" : : "a"(kEjectFlag), "d"(kHotplugFlags));
}

static void throw_ball(void) {
  const uint32_t ball = page->ball + 1;
  page->ball = ball;
  while (page->returned != ball) {
    relax();
  }
}

static void measure(void) {
  int64_t low = INT64_MIN, high = INT64_MAX;
  for (int i = 0; i < kThrows; ++i) {
    const uint64_t before = rdtsc();
    throw_ball();
    const uint64_t after = rdtsc();
    const int64_t least = (int64_t)(page->tsc - after), most = (int64_t)(page->tsc - before);
    low = least > low ? least : low;
    high = most < high ? most : high;
  }
  page->low = low;
  page->high = high;
}

void ask_and_answer(void) {
  for (;;) {
    const uint32_t asked = page->asked;
    if (asked == page->answered) {
      relax();
      continue;
    }
    switch (page->order) {
      case kMeasure:
        measure();
        break;
      case kStartOthers:
        start_others();
        break;
      case kAdjust:
        throw_ball();
        break;
      case kEject:
        eject(page->vcpu);
        break;
    }
    page->answered = asked;
  }
}

void return_balls(uint32_t self) {
  for (;;) {
    const uint32_t ball = page->ball;
    if (ball == page->returned || page->vcpu != self) {
      relax();
      continue;
    }
    if (page->order == kAdjust) {
      add_to_tsc_adjust(page->ticks);
    }
    page->tsc = rdtsc();
    page->returned = ball;
  }
}
