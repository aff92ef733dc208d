// Waiting, with a deadline, for what another process brings about.
#pragma once

#include <chrono>
#include <thread>

namespace kvmtsc::integration {

// Asks every 20 ms until `condition()` holds; false if it does not within `patience`.
template <typename Condition>
bool eventually(std::chrono::milliseconds patience, const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace kvmtsc::integration
