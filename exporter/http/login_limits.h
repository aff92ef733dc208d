// LoginLimits: how many wrong credentials are looked at, of one client (exporter/http/client.h) for
// one account ("user:alice", "tokens"): kAllowed within a window, and no more until it has ended.
// docs/adr/0015 says what an attacker can do with that.
//
// Memory is bounded: beyond kMostClients those that are new share one entry, and a client has one
// for each account. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace kvmtsc::http {

// What is worth a line in the log.
struct LoginNews {
  enum class What {
    kFailed,   // the first one of a window
    kLimited,  // as many as are allowed
    kEnded,    // the window of one of which kLimited was said, or several kFailed
  };
  What what = What::kFailed;
  std::string client;
  std::string name;            // as claimed first; empty where a token claims none
  std::uint64_t failures = 0;  // until now
  std::uint64_t unseen = 0;    // turned away without a look
  Nanoseconds wait{0};         // of kLimited: until the window ends
};

class LoginLimits {
 public:
  using Report = std::function<void(const LoginNews&)>;

  // `report` may be empty; it is called on whichever thread brings the news.
  LoginLimits(const Clock& clock, Report report);

  // How long until this account's credentials are looked at again for this client; absent when they
  // are now. One that is turned away is counted.
  std::optional<Nanoseconds> turned_away(const std::string& client, const std::string& account);
  // The same, of one that was looked at all the same.
  std::optional<Nanoseconds> wait(const std::string& client, const std::string& account);

  // One failed. `window` is of the first one: how long it and those that follow count.
  void failed(const std::string& client, const std::string& account, const std::string& name,
              Nanoseconds window);

  // Forgets windows that have ended, and says so. To be called now and then.
  void tidy();

  std::uint64_t failures() const;
  std::uint64_t lockouts() const;  // how often kLimited was reached
  std::size_t size() const;        // entries held

  static constexpr int kAllowed = 5;
  static constexpr std::size_t kMostClients = 10'000;

 private:
  struct Tries {
    std::string name;
    std::uint64_t failures = 0;
    std::uint64_t unseen = 0;
    MonotonicTime ends;
  };
  using Accounts = std::map<std::string, Tries>;

  // Null where there is none whose window has not ended.
  Tries* find(const std::string& client, const std::string& account);
  Accounts& accounts_of(const std::string& client);
  void say(LoginNews::What what, const std::string& client, const Tries& tries) const;
  void end_windows();

  const Clock* clock_;
  const Report report_;
  mutable std::mutex mutex_;
  std::map<std::string, Accounts> clients_;  // guarded by mutex_, as all below
  MonotonicTime looked_;                     // for windows that have ended, when there was no room
  std::uint64_t failures_ = 0;
  std::uint64_t lockouts_ = 0;
};

}  // namespace kvmtsc::http
