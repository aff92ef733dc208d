// vm MS VCPUS [running|paused] [VMS]: VMs of a few instructions, each vCPU on a thread of its own.
// "running" vCPUs spin in the guest; "paused" ones have run once and then wait outside KVM_RUN. The
// main thread sleeps in poll. KVM_RUN may return EINTR, as it does for any debugger; nothing else.
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <atomic>
#include <vector>

#include "tracee.h"

namespace {

std::atomic<bool> over{false};
std::atomic<int> started{0};
bool paused = false;

// In real mode: count in memory for ever, each vCPU for itself. inc dword [bx]; jmp back
constexpr unsigned char kGuest[] = {0x66, 0xff, 0x07, 0xeb, 0xfb};
constexpr std::size_t kCounters = 0x200;

struct Vcpu {
  int fd = -1;
  kvm_run* run = nullptr;
  volatile std::uint32_t* counter = nullptr;
  pthread_t thread{};
};

void kick(int) {}

void* run_vcpu(void* argument) {
  auto* const vcpu = static_cast<Vcpu*>(argument);
  // One bounded run, so that KVM knows this thread as the vCPU's.
  vcpu->run->immediate_exit = paused ? 1 : 0;
  bool counted = false;
  while (!over) {
    if (::ioctl(vcpu->fd, KVM_RUN, 0) == 0 || errno != EINTR) {
      tracee::fail("KVM_RUN", static_cast<long>(vcpu->run->exit_reason));
    }
    if (!counted) {
      ++started;
      counted = true;
    }
    while (paused && !over) {
      if (::poll(nullptr, 0, 20) != 0 && !over && tracee::asked_to_end == 0) {
        tracee::fail("poll");
      }
    }
  }
  return nullptr;
}

int checked(int result, const char* what) {
  if (result < 0) {
    tracee::fail(what, result);
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  const int vcpu_count = argc > 2 ? std::atoi(argv[2]) : 1;
  paused = argc > 3 && std::strcmp(argv[3], "paused") == 0;
  const int vm_count = argc > 4 ? std::atoi(argv[4]) : 1;
  struct sigaction action {};
  action.sa_handler = kick;
  ::sigaction(SIGUSR1, &action, nullptr);

  const int kvm = checked(::open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
  const auto run_size =
      static_cast<std::size_t>(checked(::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "mmap size"));
  std::vector<Vcpu> vcpus(static_cast<std::size_t>(vcpu_count * vm_count));
  for (int number = 0; number < vm_count; ++number) {
    const int vm = checked(::ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    void* const memory =
        ::mmap(nullptr, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    std::memcpy(memory, kGuest, sizeof kGuest);
    kvm_userspace_memory_region region{};
    region.memory_size = 0x10000;
    region.userspace_addr = reinterpret_cast<std::uint64_t>(memory);
    checked(::ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "memory region");
    for (int id = 0; id < vcpu_count; ++id) {
      Vcpu& vcpu = vcpus[static_cast<std::size_t>(number * vcpu_count + id)];
      vcpu.fd = checked(::ioctl(vm, KVM_CREATE_VCPU, static_cast<unsigned long>(id)), "vCPU");
      vcpu.run = static_cast<kvm_run*>(
          ::mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0));
      vcpu.counter =
          reinterpret_cast<volatile std::uint32_t*>(static_cast<char*>(memory) + kCounters) + id;
      kvm_sregs special{};
      checked(::ioctl(vcpu.fd, KVM_GET_SREGS, &special), "sregs");
      special.cs.base = 0;
      special.cs.selector = 0;
      checked(::ioctl(vcpu.fd, KVM_SET_SREGS, &special), "sregs");
      kvm_regs registers{};
      registers.rflags = 2;
      registers.rbx = kCounters + 4 * static_cast<unsigned long>(id);
      checked(::ioctl(vcpu.fd, KVM_SET_REGS, &registers), "regs");
      // The first state: APs wait for a startup signal otherwise.
      kvm_mp_state state{KVM_MP_STATE_RUNNABLE};
      ::ioctl(vcpu.fd, KVM_SET_MP_STATE, &state);
    }
  }
  for (Vcpu& vcpu : vcpus) {
    ::pthread_create(&vcpu.thread, nullptr, run_vcpu, &vcpu);
  }
  // Until every vCPU has a thread that KVM knows.
  const auto running = [&] {
    for (const Vcpu& vcpu : vcpus) {
      if (*vcpu.counter == 0) {
        return false;
      }
    }
    return true;
  };
  while (paused ? started != static_cast<int>(vcpus.size()) : !running()) {
    ::poll(nullptr, 0, 1);
  }
  run.ready();
  std::uint32_t before = 0;
  while (!run.over()) {
    before = *vcpus[0].counter;
    if (::poll(nullptr, 0, 10) != 0 && tracee::asked_to_end == 0) {
      tracee::fail("poll");
    }
  }
  // Still alive at the end.
  for (int waited = 0; !paused && *vcpus[0].counter == before; ++waited) {
    if (waited > 5000) {
      tracee::fail("the guest stands still");
    }
    ::poll(nullptr, 0, 1);
  }
  over = true;
  for (Vcpu& vcpu : vcpus) {
    vcpu.run->immediate_exit = 1;
    ::pthread_kill(vcpu.thread, SIGUSR1);
    ::pthread_join(vcpu.thread, nullptr);
  }
}
