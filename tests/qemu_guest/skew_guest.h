// The page through which whoever started the guest gives it orders: at physical address SKEW_PAGE,
// little-endian. The guest has carried out an order when it sets `answered` to what `asked` is,
// last.
#pragma once

#include <stdint.h>

enum Order {
  kMeasure = 0,      // says how far vCPU `vcpu`'s TSC is from vCPU 0's
  kStartOthers = 1,  // INIT and SIPI to all other vCPUs, as an OS does after a hot-plug
  kAdjust = 2,       // vCPU `vcpu` adds `ticks` to its IA32_TSC_ADJUST
  kEject = 3,        // takes vCPU `vcpu` out by the registers of ACPI CPU hotplug, as an OS does
};

struct SkewPage {
  uint32_t asked;     // written from outside, last
  uint32_t answered;  // 0 until the first answer
  int64_t low;        // vCPU `vcpu`'s TSC less vCPU 0's lies between `low` and `high`, in ticks
  int64_t high;
  // From outside, before `asked`.
  uint32_t order;
  uint32_t vcpu;  // its APIC id, 1 or more
  int64_t ticks;
  // Between the vCPUs.
  uint32_t ball;      // thrown by vCPU 0 to `vcpu`
  uint32_t returned;  // by `vcpu`
  uint64_t tsc;       // of `vcpu` when it had seen the ball
};

#define SKEW_PAGE 0x200000  // firmware leaves it alone: it is zero at first
