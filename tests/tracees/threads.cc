// threads MS: threads come and go all the time.
#include <pthread.h>

#include "tracee.h"

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  run.ready();
  while (!run.over()) {
    pthread_t threads[4];
    for (auto& thread : threads) {
      if (::pthread_create(
              &thread, nullptr,
              [](void*) -> void* {
                const timespec pause{0, 500'000};
                ::nanosleep(&pause, nullptr);
                return nullptr;
              },
              nullptr) != 0) {
        tracee::fail("pthread_create");
      }
    }
    for (const auto thread : threads) {
      if (::pthread_join(thread, nullptr) != 0) {
        tracee::fail("pthread_join");
      }
    }
  }
}
