#include "exporter/http/login_limits.h"

#include <utility>

namespace kvmtsc::http {
namespace {

constexpr const char* kTheRest = "(others)";
constexpr Nanoseconds kBetweenLooks = std::chrono::seconds(1);

}  // namespace

LoginLimits::LoginLimits(const Clock& clock, Report report)
    : clock_(&clock), report_(std::move(report)) {}

LoginLimits::Tries* LoginLimits::find(const std::string& client, const std::string& account) {
  auto known = clients_.find(client);
  if (known == clients_.end() && clients_.size() > kMostClients) {
    known = clients_.find(kTheRest);
  }
  if (known == clients_.end()) {
    return nullptr;
  }
  const auto tries = known->second.find(account);
  return tries == known->second.end() || clock_->monotonic() >= tries->second.ends ? nullptr
                                                                                   : &tries->second;
}

std::optional<Nanoseconds> LoginLimits::wait(const std::string& client,
                                             const std::string& account) {
  const std::lock_guard lock(mutex_);
  const Tries* const tries = find(client, account);
  return tries == nullptr || tries->failures < kAllowed
             ? std::nullopt
             : std::optional<Nanoseconds>{tries->ends - clock_->monotonic()};
}

std::optional<Nanoseconds> LoginLimits::turned_away(const std::string& client,
                                                    const std::string& account) {
  auto left = wait(client, account);
  if (left) {
    const std::lock_guard lock(mutex_);
    if (Tries* const tries = find(client, account)) {
      ++tries->unseen;
    }
  }
  return left;
}

LoginLimits::Accounts& LoginLimits::accounts_of(const std::string& client) {
  const MonotonicTime now = clock_->monotonic();
  if (clients_.size() >= kMostClients && now >= looked_ + kBetweenLooks) {
    looked_ = now;  // not at each of a flood
    end_windows();
  }
  const bool full = clients_.size() >= kMostClients && !clients_.contains(client);
  return clients_[full ? kTheRest : client];
}

void LoginLimits::failed(const std::string& client, const std::string& account,
                         const std::string& name, Nanoseconds window) {
  const std::lock_guard lock(mutex_);
  ++failures_;
  Tries& tries = accounts_of(client)[account];
  const MonotonicTime now = clock_->monotonic();
  if (tries.failures > 0 && now >= tries.ends) {
    say(LoginNews::What::kEnded, client, tries);
    tries = {};
  }
  if (++tries.failures == 1) {
    tries.name = name;
    tries.ends = now + window;
    say(LoginNews::What::kFailed, client, tries);
  }
  if (tries.failures == kAllowed) {
    ++lockouts_;
    say(LoginNews::What::kLimited, client, tries);
  }
}

void LoginLimits::say(LoginNews::What what, const std::string& client, const Tries& tries) const {
  // One mistyped password needs no second line.
  if (report_ && (what != LoginNews::What::kEnded || tries.failures > 1)) {
    report_(
        {what, client, tries.name, tries.failures, tries.unseen, tries.ends - clock_->monotonic()});
  }
}

void LoginLimits::end_windows() {
  const MonotonicTime now = clock_->monotonic();
  for (auto& [client, accounts] : clients_) {
    std::erase_if(accounts, [&, &name = client](const auto& entry) {
      const bool ended = now >= entry.second.ends;
      if (ended) {
        say(LoginNews::What::kEnded, name, entry.second);
      }
      return ended;
    });
  }
  std::erase_if(clients_, [](const auto& entry) { return entry.second.empty(); });
}

void LoginLimits::tidy() {
  const std::lock_guard lock(mutex_);
  end_windows();
}

std::uint64_t LoginLimits::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::uint64_t LoginLimits::lockouts() const {
  const std::lock_guard lock(mutex_);
  return lockouts_;
}

std::size_t LoginLimits::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t entries = 0;
  for (const auto& [client, accounts] : clients_) {
    entries += accounts.size();
  }
  return entries;
}

}  // namespace kvmtsc::http
