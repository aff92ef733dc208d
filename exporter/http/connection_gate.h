// ConnectionGate: owns every connection except while a worker works on its request.
//
// A worker thread costs memory and there are few; a silent or slow client must not hold one. So one
// thread of the gate's own accepts, waits (epoll, looking without taking) until a whole request has
// arrived, and only then gives the socket to a worker. The worker gives it back with what its
// response could not send at once, and the gate sends that, keeps the connection for the next
// request or ends it. A client thus costs a worker only the time of its handler.
//
//   accepted -> waiting -> ready -> busy (a worker has it) -> writing -> waiting again
//                                                                     \-> draining -> closed
//
// Every state but `ready` and `busy` has a deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "exporter/http/listener.h"
#include "exporter/http/router.h"

namespace kvmtsc::http {

struct GateLimits {
  unsigned workers = 16;  // requests given out at one time
  std::size_t max_connections = 512;
  std::size_t max_head_bytes = 0;
  std::size_t max_body_bytes = 0;
  std::chrono::milliseconds request_timeout{2000};  // from the first byte, or accept, to the last
  std::chrono::milliseconds idle_timeout{60000};    // between two requests
  std::chrono::milliseconds write_timeout{10000};   // for the rest of a response
  std::chrono::milliseconds drain_timeout{1000};    // for the client to close after us
  std::chrono::milliseconds stop_timeout{500};      // for requests that run when stop() comes
};

class ConnectionGate {
 public:
  enum class After { kKeep, kFinish };

  // Gives a socket with a whole request (or one that a worker is to refuse) to a worker, without
  // waiting. Called on the gate's thread.
  using Submit = std::function<void(int fd)>;

  // A connection beyond the limit takes the place of the one that has waited longest.
  static Result<std::unique_ptr<ConnectionGate>> create(const GateLimits& limits,
                                                        std::vector<Listener> listeners,
                                                        Submit submit, LogLine log);
  // Stops, and closes what is left.
  ~ConnectionGate();
  ConnectionGate(const ConnectionGate&) = delete;
  ConnectionGate& operator=(const ConnectionGate&) = delete;

  // Starts the thread, which accepts from then on. Once.
  Status start();

  // A worker is done with a socket it was given: `unsent` is still to be sent, then `after`. Any
  // thread; exactly once for each submitted socket.
  void give_back(int fd, std::string unsent, After after);

  // Closes the listeners and what waits, lets what runs finish for up to stop_timeout, and ends the
  // thread. Sockets that are busy even then are closed in the destructor. Idempotent; one thread.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { kWaiting, kReady, kBusy, kWriting, kDraining };
  struct Connection {
    UniqueFd fd;
    Phase phase = Phase::kWaiting;
    Clock::time_point since;     // of this phase
    Clock::time_point deadline;  // not for kReady and kBusy
    bool started = false;        // the request's first byte has arrived
    bool continued = false;      // 100 Continue was sent
    std::string unsent;
    std::size_t sent = 0;
    After after = After::kFinish;
  };
  struct Returned {
    int fd;
    std::string unsent;
    After after;
  };

  ConnectionGate(const GateLimits& limits, std::vector<Listener> listeners, Submit submit,
                 LogLine log, UniqueFd epoll, UniqueFd wake);
  Status watch_listeners();
  void run();
  bool begin_stop();
  int wait_milliseconds() const;
  void accept_all(int listener);
  bool make_room();
  void pause_accepting(bool paused);
  void await_request(Connection& connection, std::chrono::milliseconds timeout);
  void look_at_request(Connection& connection, bool hung_up);
  void make_ready(Connection& connection);
  void feed_workers();
  void take_returned();
  void write_rest(Connection& connection);
  void drain(Connection& connection);
  void expire();
  void enter(Connection& connection, Phase phase, std::chrono::milliseconds timeout);
  void watch(const Connection& connection, unsigned events);
  void unwatch(const Connection& connection);
  void close(int fd);
  void log(const std::string& text);
  void wake();

  const GateLimits limits_;
  const Submit submit_;
  const LogLine log_;
  const UniqueFd epoll_;
  const UniqueFd wake_;
  std::vector<char> peeked_;

  // Only the gate's thread, and the destructor after it, touch these.
  std::vector<Listener> listeners_;
  std::map<int, Connection> connections_;  // by fd
  std::deque<int> ready_;
  unsigned busy_ = 0;
  std::size_t unsent_bytes_ = 0;
  bool stopping_ = false;
  bool paused_ = false;
  Clock::time_point next_log_;
  Clock::time_point stop_deadline_;

  std::mutex mutex_;
  std::vector<Returned> returned_;  // guarded by mutex_
  bool stop_wanted_ = false;        // guarded by mutex_
  std::thread thread_;
};

}  // namespace kvmtsc::http
