#include "attach/ptrace/known_filters.h"

#include <algorithm>

namespace kvmtsc::injection {

std::shared_ptr<const std::vector<SeccompFilter>> KnownFilters::find(const Thread& thread,
                                                                     std::size_t count) const {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(thread);
  return known != known_.end() && known->second->size() == count ? known->second : nullptr;
}

void KnownFilters::keep(const Thread& thread, std::vector<SeccompFilter> filters) {
  constexpr std::size_t kMost = 16'384;  // more threads than are held on a host: most have ended
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMost) {
    known_.clear();
  }
  // Neighbours by number are of one process more often than not.
  const auto next = known_.lower_bound(thread);
  const auto is_like_it = [&](const auto& other) { return *other.second == filters; };
  if (next != known_.end() && is_like_it(*next)) {
    known_[thread] = next->second;
  } else if (next != known_.begin() && is_like_it(*std::prev(next))) {
    known_[thread] = std::prev(next)->second;
  } else {
    known_[thread] = std::make_shared<const std::vector<SeccompFilter>>(std::move(filters));
  }
}

}  // namespace kvmtsc::injection
