// kvm-tsc-exporter: the service's main program. Composition and signals; everything else is
// elsewhere.
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <array>
#include <cstdio>

#include "base/version.h"
#include "config/load.h"
#include "exporter/demo_banner.h"
#include "exporter/effective_settings.h"
#include "exporter/log/log.h"
#include "exporter/service.h"
#include "exporter/service_parts.h"

namespace kvmtsc {
namespace {

enum ExitStatus { kSuccess = 0, kFailure = 1, kUsage = 2 };

// Signals are taken by sigwait() in the main thread; all threads inherit the mask.
sigset_t block_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&signals, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// One descriptor for each VM's directory and each connection: the soft limit of 1024 is soon
// reached.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// By default glibc gives threads arenas of their own, eight for each CPU, and each keeps what the
// largest scrape it ever answered needed: tens of MiB with 2,000 vCPUs, and more on larger hosts.
// Few scrapes come at once, so two arenas are not fought over (mallopt(3)).
void limit_arenas() {
  ::mallopt(M_ARENA_MAX, 2);
}

int run(const CommandLine& command_line, const Settings& settings) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  limit_arenas();
  const BuildInfo build = build_info();
  auto service = Service::start(command_line, settings);
  if (!service) {
    log::error("cannot start", log::with_error({}, service.error()));
    return kFailure;
  }
  log::info("started",
            {{"version", std::string(build.version)}, {"revision", std::string(build.revision)}});
  for (const std::string& address : (*service)->addresses()) {
    log::info("listening", {{"address", address}});
  }
  if (settings.demo) {
    std::fputs(demo_banner((*service)->addresses().front(), (*service)->uses_tls(),
                           (*service)->demo_token(), attach_mode_name(settings.attach_mode))
                   .c_str(),
               stdout);
    std::fflush(stdout);
  }
  while (true) {
    int signal = 0;
    ::sigwait(&signals, &signal);
    if (signal != SIGHUP) {
      log::info("stopping", {{"signal", ::sigabbrev_np(signal)}});
      return kSuccess;
    }
    // The outcome is in the log.
    static_cast<void>((*service)->reload());
  }
}

int main_with(int argc, const char* const* argv) {
  const auto parsed = parse_command_line(argc, argv);
  if (!parsed) {
    std::fprintf(stderr, "kvm-tsc-exporter: %s\n", parsed.error().text().c_str());
    return kUsage;
  }
  if (const auto* print = std::get_if<PrintAndExit>(&*parsed)) {
    std::fputs(print->text.c_str(), stdout);
    return kSuccess;
  }
  const auto& command_line = std::get<CommandLine>(*parsed);
  const auto settings = load_settings(command_line);
  if (!settings) {
    std::fprintf(stderr, "%s\n", settings.error().text().c_str());
    return kUsage;
  }
  if (command_line.check_only) {
    if (const Status checked = Service::check(*settings); !checked) {
      std::fprintf(stderr, "%s\n", checked.error().text().c_str());
      return kUsage;
    }
    std::puts("configuration is valid");
    for (const SettingNote& note : setting_notes(*settings)) {
      std::printf("%s: %s\n", note.key.c_str(), note.effect.c_str());
    }
    return kSuccess;
  }
  return run(command_line, *settings);
}

}  // namespace
}  // namespace kvmtsc

int main(int argc, char** argv) {
  return kvmtsc::main_with(argc, argv);
}
