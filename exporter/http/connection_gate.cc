#include "exporter/http/connection_gate.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "exporter/http/request_text.h"

namespace kvmtsc::http {
namespace {

using std::chrono::milliseconds;

// More than this of a request does not wait in the kernel's receive buffer (listener.cc sizes it);
// a worker reads the rest.
constexpr std::size_t kHeldBytes = std::size_t{96} * 1024;

// Bound on what slow readers can make us keep; beyond it their connections end.
constexpr std::size_t kMaxUnsentBytes = std::size_t{64} * 1024 * 1024;

// While no file descriptor is left, and so that no deadline is missed by much.
constexpr milliseconds kLongestWait{1000};
constexpr milliseconds kPause{100};

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

ConnectionGate::ConnectionGate(const GateLimits& limits, std::vector<Listener> listeners,
                               Submit submit, LogLine log, UniqueFd epoll, UniqueFd wake)
    : limits_(limits),
      submit_(std::move(submit)),
      log_(std::move(log)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      peeked_(limits.max_head_bytes),
      listeners_(std::move(listeners)) {}

Result<std::unique_ptr<ConnectionGate>> ConnectionGate::create(const GateLimits& limits,
                                                               std::vector<Listener> listeners,
                                                               Submit submit, LogLine log) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    return errno_error(errno, "epoll_create1");
  }
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) {
    return errno_error(errno, "eventfd");
  }
  std::unique_ptr<ConnectionGate> gate(new ConnectionGate(limits, std::move(listeners),
                                                          std::move(submit), std::move(log),
                                                          std::move(epoll), std::move(wake)));
  const Status watching = gate->watch_listeners();
  if (!watching) {
    return watching.error();
  }
  return gate;
}

Status ConnectionGate::start() {
  try {
    thread_ = std::thread(&ConnectionGate::run, this);
  } catch (const std::system_error& failure) {
    return errno_error(failure.code().value(), "starting the thread that accepts connections");
  }
  return ok_status();
}

ConnectionGate::~ConnectionGate() {
  stop();
}

Status ConnectionGate::watch_listeners() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return errno_error(errno, "epoll_ctl");
  }
  for (const Listener& listener : listeners_) {
    event.data.fd = listener.fd();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener.fd(), &event) != 0) {
      return errno_error(errno, "epoll_ctl for " + listener.address().text());
    }
  }
  return ok_status();
}

void ConnectionGate::give_back(int fd, std::string unsent, After after) {
  {
    const std::lock_guard lock(mutex_);
    returned_.push_back({fd, std::move(unsent), after});
  }
  wake();
}

void ConnectionGate::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_wanted_ = true;
  }
  wake();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void ConnectionGate::wake() {
  const std::uint64_t one = 1;
  // The only failure is a full counter, which wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void ConnectionGate::run() {
  std::array<epoll_event, 64> events{};
  std::vector<int> to_accept;
  while (true) {
    take_returned();
    if (begin_stop() && (connections_.empty() || Clock::now() >= stop_deadline_)) {
      return;
    }
    feed_workers();
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   wait_milliseconds());
    // Accepting comes last: a descriptor closed here cannot come back as another connection while
    // events for the old one are still in the batch.
    to_accept.clear();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      const int fd = event.data.fd;
      if (fd == wake_.get()) {
        std::uint64_t drained = 0;
        [[maybe_unused]] const ssize_t got = ::read(fd, &drained, sizeof(drained));
        continue;
      }
      const auto found = connections_.find(fd);
      if (found == connections_.end()) {
        to_accept.push_back(fd);
        continue;
      }
      Connection& connection = found->second;
      switch (connection.phase) {
        case Phase::kWaiting:
          look_at_request(connection, (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
          break;
        case Phase::kWriting:
          write_rest(connection);
          break;
        case Phase::kDraining:
          drain(connection);
          break;
        case Phase::kReady:
        case Phase::kBusy:
          break;
      }
    }
    expire();
    for (const int listener : to_accept) {
      accept_all(listener);
    }
  }
}

bool ConnectionGate::begin_stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!stop_wanted_) {
      return false;
    }
  }
  if (!stopping_) {
    stopping_ = true;
    stop_deadline_ = Clock::now() + limits_.stop_timeout;
    listeners_.clear();
    for (auto it = connections_.begin(); it != connections_.end();) {
      it = it->second.phase == Phase::kWaiting ? connections_.erase(it) : std::next(it);
    }
  }
  return true;
}

int ConnectionGate::wait_milliseconds() const {
  const auto now = Clock::now();
  auto until = now + (paused_ ? kPause : kLongestWait);
  if (stopping_) {
    until = std::min(until, stop_deadline_);
  }
  for (const auto& [fd, connection] : connections_) {
    if (connection.phase != Phase::kReady && connection.phase != Phase::kBusy) {
      until = std::min(until, connection.deadline);
    }
  }
  const auto wait = std::chrono::ceil<milliseconds>(until - now);
  return static_cast<int>(std::max<milliseconds::rep>(0, wait.count()));
}

void ConnectionGate::accept_all(int listener) {
  // Bounded, so that a flood of connections does not keep what is already here from being served.
  for (int i = 0; i < 64; ++i) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log("cannot accept a connection: " + std::generic_category().message(errno));
        if (make_room()) {
          continue;
        }
        pause_accepting(true);
      }
      return;  // otherwise there is none left, or it ended while it waited
    }
    if (connections_.size() >= limits_.max_connections && !make_room()) {
      log("too many connections; one was turned away");
      continue;
    }
    // Fails, without harm, on a unix socket.
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const int number = fd.get();
    Connection& connection = connections_[number];
    connection.fd = std::move(fd);
    await_request(connection, limits_.request_timeout);
  }
}

bool ConnectionGate::make_room() {
  const Connection* oldest = nullptr;
  for (const auto& [fd, connection] : connections_) {
    const bool spare = connection.phase == Phase::kWaiting || connection.phase == Phase::kDraining;
    if (spare && (oldest == nullptr || connection.since < oldest->since)) {
      oldest = &connection;
    }
  }
  if (oldest == nullptr) {
    return false;
  }
  close(oldest->fd.get());
  return true;
}

void ConnectionGate::pause_accepting(bool paused) {
  if (paused == paused_) {
    return;
  }
  paused_ = paused;
  for (const Listener& listener : listeners_) {
    epoll_event event{};
    event.events = paused ? 0U : static_cast<unsigned>(EPOLLIN);
    event.data.fd = listener.fd();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener.fd(), &event);
  }
}

void ConnectionGate::enter(Connection& connection, Phase phase, milliseconds timeout) {
  connection.phase = phase;
  connection.since = Clock::now();
  connection.deadline = connection.since + timeout;
}

void ConnectionGate::watch(const Connection& connection, unsigned events) {
  epoll_event event{};
  // Edge-triggered: bytes that are looked at stay in the socket, and news alone should wake us.
  // What is there already counts as news.
  event.events = events | static_cast<unsigned>(EPOLLET);
  event.data.fd = connection.fd.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event);
}

void ConnectionGate::unwatch(const Connection& connection) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
}

void ConnectionGate::close(int fd) {
  const auto found = connections_.find(fd);
  unsent_bytes_ -= found->second.unsent.size();
  connections_.erase(found);
}

void ConnectionGate::await_request(Connection& connection, milliseconds timeout) {
  connection.started = false;
  connection.continued = false;
  enter(connection, Phase::kWaiting, timeout);
  watch(connection, EPOLLIN | EPOLLRDHUP);
}

void ConnectionGate::look_at_request(Connection& connection, bool hung_up) {
  const int fd = connection.fd.get();
  const ssize_t got = ::recv(fd, peeked_.data(), peeked_.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && (errno != EAGAIN || hung_up))) {
    close(fd);
    return;
  }
  if (got < 0) {
    return;
  }
  const auto size = static_cast<std::size_t>(got);
  if (!connection.started) {
    connection.started = true;
    connection.deadline = std::min(connection.deadline, Clock::now() + limits_.request_timeout);
  }
  const RequestProgress progress = examine_request({peeked_.data(), size});
  bool ready = hung_up || progress.state == RequestProgress::State::kMalformed;
  if (progress.state == RequestProgress::State::kHeadIncomplete) {
    ready = ready || size == peeked_.size();
  } else if (progress.state == RequestProgress::State::kHeadComplete) {
    int available = 0;
    ::ioctl(fd, FIONREAD, &available);
    const auto needed = progress.body_bytes > limits_.max_body_bytes
                            ? progress.head_bytes
                            : std::min(progress.head_bytes + progress.body_bytes, kHeldBytes);
    ready = ready || static_cast<std::size_t>(available) >= needed;
    if (!ready && progress.expects_continue && !connection.continued) {
      connection.continued = true;
      ::send(fd, kContinue.data(), kContinue.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  if (ready) {
    make_ready(connection);
  }
}

void ConnectionGate::make_ready(Connection& connection) {
  unwatch(connection);
  connection.phase = Phase::kReady;
  ready_.push_back(connection.fd.get());
}

void ConnectionGate::feed_workers() {
  while (!ready_.empty() && busy_ < limits_.workers) {
    const int fd = ready_.front();
    ready_.pop_front();
    connections_.at(fd).phase = Phase::kBusy;
    ++busy_;
    submit_(fd);
  }
}

void ConnectionGate::take_returned() {
  std::vector<Returned> returned;
  {
    const std::lock_guard lock(mutex_);
    returned.swap(returned_);
  }
  for (Returned& back : returned) {
    --busy_;
    Connection& connection = connections_.at(back.fd);
    connection.unsent = std::move(back.unsent);
    connection.sent = 0;
    connection.after = back.after;
    unsent_bytes_ += connection.unsent.size();
    if (unsent_bytes_ > kMaxUnsentBytes) {
      log("too much is waiting for slow readers; a connection was closed");
      close(back.fd);
      continue;
    }
    enter(connection, Phase::kWriting, limits_.write_timeout);
    if (connection.unsent.empty()) {
      write_rest(connection);
    } else {
      watch(connection, EPOLLOUT);
    }
  }
}

void ConnectionGate::write_rest(Connection& connection) {
  const int fd = connection.fd.get();
  const bool watched = !connection.unsent.empty();
  while (connection.sent < connection.unsent.size()) {
    const ssize_t sent =
        ::send(fd, connection.unsent.data() + connection.sent,
               connection.unsent.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno != EAGAIN) {
        close(fd);
      }
      return;
    }
    connection.sent += static_cast<std::size_t>(sent);
  }
  unsent_bytes_ -= connection.unsent.size();
  connection.unsent = {};
  if (watched) {
    unwatch(connection);
  }
  if (connection.after == After::kKeep && !stopping_) {
    await_request(connection, limits_.idle_timeout);
    return;
  }
  // Closing with unread bytes would reset the connection and could take the response with it.
  ::shutdown(fd, SHUT_WR);
  enter(connection, Phase::kDraining, limits_.drain_timeout);
  watch(connection, EPOLLIN | EPOLLRDHUP);
}

void ConnectionGate::drain(Connection& connection) {
  const int fd = connection.fd.get();
  for (int i = 0; i < 64; ++i) {
    const ssize_t got = ::recv(fd, peeked_.data(), peeked_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
      return;
    }
    if (got <= 0) {
      break;
    }
  }
  close(fd);
}

void ConnectionGate::expire() {
  const auto now = Clock::now();
  for (auto it = connections_.begin(); it != connections_.end();) {
    const Connection& connection = it->second;
    const int fd = it->first;
    ++it;
    if (connection.phase != Phase::kReady && connection.phase != Phase::kBusy &&
        connection.deadline <= now) {
      close(fd);
    }
  }
  pause_accepting(false);
}

void ConnectionGate::log(const std::string& text) {
  const auto now = Clock::now();
  if (log_ && now >= next_log_) {
    next_log_ = now + std::chrono::seconds(10);
    log_(text);
  }
}

}  // namespace kvmtsc::http
