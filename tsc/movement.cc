#include "tsc/movement.h"

#include <array>
#include <charconv>
#include <chrono>

#include "tsc/snapshot.h"

namespace kvmtsc {
namespace {

std::string digits(double value, int precision) {
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::general, precision)
                       .ptr;
  return {text.data(), end};
}

// "vCPU 1", "vCPU 1 and 2 more".
std::string which(const Movement& movement) {
  std::string text = vcpu_name(movement.vcpus.front());
  if (movement.vcpus.size() > 1) {
    text += " and " + std::to_string(movement.vcpus.size() - 1) + " more";
  }
  return text;
}

}  // namespace

std::string movement_text(const Movement& movement, std::optional<double> told_error) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(movement.lasting).count();
  const std::string what =
      movement.ticks_per_second
          ? "every vCPU's offset moves steadily, by " + digits(*movement.ticks_per_second, 3) +
                " ticks a second for "
          : "the offset of " + which(movement) + " was another one at each reading for ";
  const std::string text = what + std::to_string(seconds) + " s: ";
  if (told_error && *told_error < -kToldTolerance) {
    return text +
           "KVM lets them catch up with the faster TSC that the guest was told of, for the "
           "VM has no master clock";
  }
  return text + (movement.ticks_per_second
                     ? "KVM or the guest moves them"
                     : "the guest, its VMM or another program goes on writing it");
}

}  // namespace kvmtsc
