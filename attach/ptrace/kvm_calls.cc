#include "attach/ptrace/kvm_calls.h"

#include <errno.h>
#include <sys/syscall.h>

#include <span>
#include <string>

namespace kvmtsc::injection {
namespace {

constexpr std::size_t kReadAttribute = 0;
constexpr std::size_t kWriteAttribute = 32;
constexpr std::size_t kOffsetRead = 64;
constexpr std::size_t kOffsetToWrite = 72;
constexpr std::size_t kDeadlineMsrs = 80;

// struct kvm_msrs with one entry, as the kernel lays it out.
struct OneMsr {
  std::uint32_t count = 1;
  std::uint32_t pad = 0;
  kvm_msr_entry entry{};
};
static_assert(sizeof(OneMsr) == kMsrsHeaderBytes + sizeof(kvm_msr_entry));

constexpr std::uint32_t kTscDeadline = 0x6e0;  // Intel SDM vol. 4, table 2-2

template <typename T>
Status place_object(SavedState& state, std::size_t offset, const T& object) {
  return state.write_argument(offset, std::as_bytes(std::span{&object, 1}));
}

kvm_device_attr offset_attribute(const SavedState& state, std::size_t value_at) {
  kvm_device_attr attribute{};
  attribute.group = KVM_VCPU_TSC_CTRL;
  attribute.attr = KVM_VCPU_TSC_OFFSET;
  attribute.addr = (state.argument_area() + value_at).value;
  return attribute;
}

}  // namespace

SystemCall ioctl_call(int fd, std::uint64_t request, std::uint64_t argument) {
  return SystemCall{SYS_ioctl, {static_cast<std::uint64_t>(fd), request, argument}};
}

IntendedCall intended_ioctl(const char* name, std::optional<int> fd, std::uint64_t request,
                            std::optional<std::uint64_t> argument) {
  IntendedCall call{name, SYS_ioctl, {std::nullopt, request, argument, 0, 0, 0}};
  if (fd) {
    call.arguments[0] = static_cast<std::uint64_t>(*fd);
  }
  return call;
}

IntendedCall intended_clock_reading(int vm_fd) {
  return intended_ioctl("ioctl KVM_GET_CLOCK", vm_fd, KVM_GET_CLOCK, std::nullopt);
}

IntendedCall intended_frequency_reading(std::optional<int> vcpu_fd) {
  return intended_ioctl("ioctl KVM_GET_TSC_KHZ", vcpu_fd, KVM_GET_TSC_KHZ, 0);
}

std::array<IntendedCall, 3> intended_correction(std::optional<int> vcpu_fd) {
  return {
      intended_ioctl("ioctl KVM_GET_DEVICE_ATTR", vcpu_fd, KVM_GET_DEVICE_ATTR, std::nullopt),
      intended_ioctl("ioctl KVM_SET_DEVICE_ATTR", vcpu_fd, KVM_SET_DEVICE_ATTR, std::nullopt),
      intended_ioctl("ioctl KVM_KVMCLOCK_CTRL", vcpu_fd, KVM_KVMCLOCK_CTRL, 0),
  };
}

std::array<IntendedCall, 2> intended_rearming(std::optional<int> vcpu_fd) {
  return {
      intended_ioctl("ioctl KVM_GET_MSRS", vcpu_fd, kGetMsrs, std::nullopt),
      intended_ioctl("ioctl KVM_SET_MSRS", vcpu_fd, kSetMsrs, std::nullopt),
  };
}

Error ioctl_error(const char* name, std::int64_t result) {
  const int error_number = static_cast<int>(-result);
  Error error = errno_error(error_number, name);
  switch (error_number) {
    case EBADF:
    case ENOTTY:
      error.kind = ErrorKind::kGone;
      error.remedy = "the VMM closed or re-used the file descriptor meanwhile";
      break;
    case EIO:
      error.kind = ErrorKind::kGone;
      error.remedy = "the VM is dying, or belongs to another process";
      break;
    case ENXIO:
      error.kind = ErrorKind::kUnsupported;
      error.remedy = "the host's kernel has no TSC offset attribute; it came with Linux 5.16";
      break;
    default:
      break;
  }
  return error;
}

Status one_msr_done(const char* name, const Result<std::int64_t>& answer) {
  if (!answer) {
    return answer.error();
  }
  if (*answer < 0) {
    return ioctl_error(name, *answer);
  }
  if (*answer != 1) {
    return Error{ErrorKind::kUnsupported, std::string(name) + ": KVM refused the register", {}};
  }
  return ok_status();
}

Error offset_conflict(VcpuId id, std::int64_t expected, std::int64_t found) {
  return Error{ErrorKind::kConflict,
               vcpu_name(id) + " has the offset " + std::to_string(found) + ", not " +
                   std::to_string(expected) + " as expected",
               "it changed after it was looked at; look again and decide anew"};
}

Status OffsetArguments::place(SavedState& state, std::int64_t offset_to_write) {
  if (auto placed = place_object(state, kReadAttribute, offset_attribute(state, kOffsetRead));
      !placed) {
    return placed;
  }
  if (auto placed = place_object(state, kWriteAttribute, offset_attribute(state, kOffsetToWrite));
      !placed) {
    return placed;
  }
  return set_offset_to_write(state, offset_to_write);
}

Status OffsetArguments::set_offset_to_write(SavedState& state, std::int64_t offset) {
  return place_object(state, kOffsetToWrite, offset);
}

Result<std::int64_t> OffsetArguments::offset_read(const SavedState& state) {
  std::int64_t offset = 0;
  if (auto read = state.read_argument(kOffsetRead, std::as_writable_bytes(std::span{&offset, 1}));
      !read) {
    return read.error();
  }
  return offset;
}

SystemCall OffsetArguments::read_call(const SavedState& state, int vcpu_fd) {
  return ioctl_call(vcpu_fd, KVM_GET_DEVICE_ATTR, (state.argument_area() + kReadAttribute).value);
}

SystemCall OffsetArguments::write_call(const SavedState& state, int vcpu_fd) {
  return ioctl_call(vcpu_fd, KVM_SET_DEVICE_ATTR, (state.argument_area() + kWriteAttribute).value);
}

Status DeadlineArguments::place(SavedState& state) {
  OneMsr msr;
  msr.entry.index = kTscDeadline;
  return place_object(state, kDeadlineMsrs, msr);
}

Result<std::uint64_t> DeadlineArguments::deadline_read(const SavedState& state) {
  OneMsr msr;
  if (auto read = state.read_argument(kDeadlineMsrs, std::as_writable_bytes(std::span{&msr, 1}));
      !read) {
    return read.error();
  }
  return msr.entry.data;
}

SystemCall DeadlineArguments::read_call(const SavedState& state, int vcpu_fd) {
  return ioctl_call(vcpu_fd, kGetMsrs, (state.argument_area() + kDeadlineMsrs).value);
}

SystemCall DeadlineArguments::write_call(const SavedState& state, int vcpu_fd) {
  return ioctl_call(vcpu_fd, kSetMsrs, (state.argument_area() + kDeadlineMsrs).value);
}

}  // namespace kvmtsc::injection
