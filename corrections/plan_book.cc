#include "corrections/plan_book.h"

namespace kvmtsc {

constexpr std::size_t kPlansKept = 256;

void PlanBook::keep(const PlanRecord& plan) {
  plans_[plan.id] = plan;
  order_.push_back(plan.id);
  if (order_.size() > kPlansKept) {
    plans_.erase(order_.front());
    order_.pop_front();
  }
}

std::optional<PlanRecord> PlanBook::find(const std::string& id, MonotonicTime now) const {
  const auto found = plans_.find(id);
  if (found == plans_.end() || now - found->second.made > lifetime_) {
    return std::nullopt;
  }
  return found->second;
}

}  // namespace kvmtsc
