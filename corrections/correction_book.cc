#include "corrections/correction_book.h"

#include <algorithm>
#include <utility>

namespace kvmtsc {

constexpr std::size_t kCorrectionsKept = 1000;

void CorrectionBook::add(const Correction& correction) {
  entries_[correction.id].correction = correction;
  order_.push_back(correction.id);
  queue_.push_back(correction.id);
}

CorrectionBook::Entry* CorrectionBook::find(const std::string& id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

const CorrectionBook::Entry* CorrectionBook::find(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::optional<std::string> CorrectionBook::under_way(const VmKey& vm) const {
  for (const auto& [id, entry] : entries_) {
    if (entry.correction.plan.vm == vm && entry.correction.state != CorrectionState::kDone) {
      return id;
    }
  }
  return std::nullopt;
}

std::vector<const Correction*> CorrectionBook::after(const std::string& id) const {
  const auto found = std::ranges::find(order_, id);
  std::vector<const Correction*> later;
  for (auto next = found == order_.end() ? order_.begin() : found + 1; next != order_.end();
       ++next) {
    later.push_back(&entries_.at(*next).correction);
  }
  return later;
}

std::vector<CorrectionBook::Entry> CorrectionBook::verifying() const {
  std::vector<Entry> verifying;
  for (const auto& [id, entry] : entries_) {
    if (entry.correction.state == CorrectionState::kVerifying) {
      verifying.push_back(entry);
    }
  }
  return verifying;
}

std::optional<std::string> CorrectionBook::take_queued() {
  if (queue_.empty()) {
    return std::nullopt;
  }
  std::string id = std::move(queue_.front());
  queue_.pop_front();
  return id;
}

void CorrectionBook::forget_old() {
  while (order_.size() > kCorrectionsKept &&
         entries_[order_.front()].correction.state == CorrectionState::kDone) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace kvmtsc
