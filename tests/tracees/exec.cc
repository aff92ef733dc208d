// exec MS: becomes itself anew again and again, until the time is over.
#include <string>

#include "tracee.h"

int main(int argc, char** argv) {
  std::int64_t end = 0;
  if (argc > 2) {
    end = std::atoll(argv[2]);
  } else {
    const tracee::Run run(argc, argv);
    run.ready();
    end = tracee::now_ns() + std::atoll(argv[1]) * 1'000'000;
  }
  if (tracee::now_ns() >= end) {
    return 0;
  }
  std::string text = std::to_string(end);
  char* arguments[] = {argv[0], argv[1], text.data(), nullptr};
  ::execv("/proc/self/exe", arguments);
  tracee::fail("execv");
}
