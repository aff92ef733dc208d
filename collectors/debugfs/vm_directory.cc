#include "collectors/debugfs/vm_directory.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc {
namespace {

// "-9223372036854775808\n" is 21 bytes; what fills more than this is not a number.
using NumberBuffer = std::array<char, 64>;

Error not_a_number(const std::string& path, std::string_view content) {
  std::string shown(content.substr(0, 32));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return Error{ErrorKind::kInvalid, path + ": '" + shown + "' is not a number in range", {}};
}

template <typename Number>
Result<Number> read_number(int directory, const std::string& path,
                           std::optional<Number> (*parse)(std::string_view)) {
  NumberBuffer buffer;
  const auto content = read_small_file_at(directory, path.c_str(), buffer);
  if (!content) {
    return content.error();
  }
  const auto number = parse(*content);
  if (!number) {
    return not_a_number(path, *content);
  }
  return *number;
}

Error gone() {
  return Error{ErrorKind::kGone, "the VM has ended", {}};
}

bool exists(int directory, const std::string& path) {
  return ::faccessat(directory, path.c_str(), F_OK, 0) == 0;
}

}  // namespace

Status VmDirectory::refresh() {
  struct stat now {};
  if (::fstat(directory_.get(), &now) != 0) {
    return errno_error(errno, "VM directory");
  }
  if (now.st_nlink == 0) {
    return gone();
  }
  const auto change = std::chrono::seconds(now.st_mtim.tv_sec) + Nanoseconds(now.st_mtim.tv_nsec);
  if (now.st_nlink == listed_links_ && change == listed_change_) {
    return ok_status();
  }
  auto listed = list_vcpus();
  if (listed) {
    listed_links_ = now.st_nlink;
    listed_change_ = change;
  }
  return listed;
}

Status VmDirectory::list_vcpus() {
  const auto names = list_directory_at(directory_.get(), ".");
  if (!names) {
    return names.error();
  }
  std::vector<Vcpu> vcpus;
  for (const std::string& name : *names) {
    constexpr std::string_view kPrefix = "vcpu";
    if (!name.starts_with(kPrefix)) {
      continue;
    }
    const auto id = parse_u32(std::string_view(name).substr(kPrefix.size()));
    if (!id || name != "vcpu" + std::to_string(*id)) {
      continue;  // "vcpu007" would name vCPU 7 twice
    }
    vcpus.push_back(describe(*id));
  }
  std::ranges::sort(vcpus, {}, &Vcpu::id);
  vcpus_ = std::move(vcpus);
  return ok_status();
}

VmDirectory::Vcpu VmDirectory::describe(VcpuId id) {
  const std::string base = "vcpu" + std::to_string(id) + "/";
  Vcpu vcpu;
  vcpu.id = id;
  vcpu.offset = base + "tsc-offset";
  vcpu.guest_mode = base + "guest_mode";
  vcpu.ratio = base + "tsc-scaling-ratio";
  vcpu.fraction_bits = vcpu.ratio + "-frac-bits";
  vcpu.pid = base + "pid";
  return vcpu;
}

std::vector<pid_t> VmDirectory::vcpu_threads() {
  std::vector<pid_t> threads;
  if (!refresh()) {
    return threads;
  }
  for (const Vcpu& vcpu : vcpus_) {
    const auto pid = read_number<std::uint32_t>(directory_.get(), vcpu.pid, parse_u32);
    if (pid && *pid != 0) {
      threads.push_back(static_cast<pid_t>(*pid));
    }
  }
  return threads;
}

std::optional<bool> VmDirectory::has_run() const {
  bool all_read = true;
  for (const Vcpu& vcpu : vcpus_) {
    const auto pid = read_number<std::uint32_t>(directory_.get(), vcpu.pid, parse_u32);
    if (pid && *pid != 0) {
      return true;
    }
    all_read = all_read && pid;
  }
  return all_read ? std::optional(false) : std::nullopt;
}

Result<bool> VmDirectory::nested(const Vcpu& vcpu) const {
  if (!vcpu.has_guest_mode) {
    return false;
  }
  const auto mode = read_number<std::uint32_t>(directory_.get(), vcpu.guest_mode, parse_u32);
  if (!mode) {
    return mode.error();
  }
  return *mode != 0;
}

Result<ScalingRatio> VmDirectory::read_ratio(Vcpu& vcpu) const {
  if (!vcpu.bits) {
    const auto bits = read_number<std::uint32_t>(directory_.get(), vcpu.fraction_bits, parse_u32);
    if (!bits) {
      return bits.error();
    }
    if (*bits > 63) {
      return not_a_number(vcpu.fraction_bits, std::to_string(*bits));
    }
    vcpu.bits = static_cast<std::uint8_t>(*bits);
  }
  const auto ratio = read_number<std::uint64_t>(directory_.get(), vcpu.ratio, parse_u64);
  if (!ratio) {
    return ratio.error();
  }
  if (*ratio == 0) {
    return not_a_number(vcpu.ratio, "0");
  }
  return ScalingRatio{*ratio, *vcpu.bits};
}

void VmDirectory::look_for_files(Vcpu& vcpu) const {
  constexpr int kYoung = 8;
  if (vcpu.has_guest_mode && vcpu.has_ratio) {
    return;
  }
  if (vcpu.misses >= kYoung && !vcpus_differ_ && &vcpu != &vcpus_[turn_ % vcpus_.size()]) {
    return;
  }
  vcpu.has_guest_mode = vcpu.has_guest_mode || exists(directory_.get(), vcpu.guest_mode);
  vcpu.has_ratio = vcpu.has_ratio || exists(directory_.get(), vcpu.ratio);
  ++vcpu.misses;
}

Result<VcpuReading> VmDirectory::read_vcpu(Vcpu& vcpu) const {
  // guest_mode around the offset: only when no nested guest ran before and after is it L1's.
  const auto nested_before = nested(vcpu);
  if (!nested_before) {
    return nested_before.error();
  }
  const auto offset = read_number<std::int64_t>(directory_.get(), vcpu.offset, parse_i64);
  if (!offset) {
    return offset.error();
  }
  VcpuReading reading{vcpu.id, *offset, {}, Trust::kTrusted};
  if (vcpu.has_ratio) {
    const auto ratio = read_ratio(vcpu);
    if (!ratio) {
      return ratio.error();
    }
    reading.ratio = *ratio;
  }
  const auto nested_after = nested(vcpu);
  if (!nested_after) {
    return nested_after.error();
  }
  if (*nested_before || *nested_after) {
    reading.trust = Trust::kNested;
  }
  return reading;
}

// A kernel gives all vCPUs the same files. One without a ratio would be taken for unscaled beside
// one that is scaled: centuries of skew.
void VmDirectory::set_aside_unfinished(VmReading& reading) {
  const bool modes = std::ranges::any_of(vcpus_, &Vcpu::has_guest_mode);
  const bool ratios = std::ranges::any_of(vcpus_, &Vcpu::has_ratio);
  vcpus_differ_ = false;
  for (const Vcpu& vcpu : vcpus_) {
    if (vcpu.has_guest_mode == modes && vcpu.has_ratio == ratios) {
      continue;
    }
    vcpus_differ_ = true;
    const auto read = std::ranges::find(reading.vcpus, vcpu.id, &VcpuReading::id);
    if (read == reading.vcpus.end()) {
      continue;
    }
    reading.vcpus.erase(read);
    const std::string& missing = vcpu.has_ratio == ratios ? vcpu.guest_mode : vcpu.ratio;
    reading.unreadable.push_back(
        {vcpu.id,
         {ErrorKind::kNotFound,
          missing + " is not there, and other vCPUs have theirs: the vCPU is being made",
          {}}});
  }
  std::ranges::sort(reading.unreadable, {}, &VcpuProblem::id);
}

void VmDirectory::read_again_where_different(VmReading& reading) const {
  // A write that walks the vCPUs while we do looks like skew. Equal offsets need no second look,
  // which keeps the healthy case at one read each.
  const auto differs = [&](const VcpuReading& vcpu) {
    return vcpu.offset != reading.vcpus.front().offset;
  };
  if (std::ranges::none_of(reading.vcpus, differs)) {
    return;
  }
  for (VcpuReading& vcpu : reading.vcpus) {
    const auto listed = std::ranges::lower_bound(vcpus_, vcpu.id, {}, &Vcpu::id);
    const auto again = read_number<std::int64_t>(directory_.get(), listed->offset, parse_i64);
    if (!again || *again != vcpu.offset) {
      vcpu.trust = worse(vcpu.trust, Trust::kChanged);
    }
  }
}

bool VmDirectory::has_ended() const {
  struct stat now {};
  return ::fstat(directory_.get(), &now) == 0 && now.st_nlink == 0;
}

Result<VmReading> VmDirectory::read(const ReadLimit& limit) {
  if (const auto refreshed = refresh(); !refreshed) {
    return refreshed.error();
  }
  auto reading = read_listed(limit);
  // Of a VM that ended meanwhile some files are missing, or all.
  if ((!reading || !reading->unreadable.empty()) && has_ended()) {
    return gone();
  }
  return reading;
}

Result<VmReading> VmDirectory::read_listed(const ReadLimit& limit) {
  VmReading reading;
  reading.vcpus.reserve(vcpus_.size());
  reading.host_tsc_before = clock_->host_tsc();
  ++turn_;
  for (Vcpu& vcpu : vcpus_) {
    look_for_files(vcpu);
    auto result = read_vcpu(vcpu);
    if (result) {
      reading.vcpus.push_back(*result);
    } else {
      reading.unreadable.push_back({vcpu.id, result.error()});
    }
    // The clocks are asked once in a while: a read takes microseconds, the limits are far longer.
    constexpr std::size_t kBetweenLooks = 32;
    const std::size_t done = reading.vcpus.size() + reading.unreadable.size();
    if (done % kBetweenLooks == 0 &&
        (clock_->thread_cpu() > limit.cpu || clock_->monotonic() > limit.latest)) {
      return Error{ErrorKind::kTimeout,
                   "deadline passed after " + std::to_string(done) + " of " +
                       std::to_string(vcpus_.size()) + " vCPUs",
                   {}};
    }
  }
  reading.host_tsc_after = clock_->host_tsc();
  set_aside_unfinished(reading);
  if (reading.vcpus.empty() && !reading.unreadable.empty()) {
    return reading.unreadable.front().error;
  }
  if (!reading.vcpus.empty()) {
    read_again_where_different(reading);
  }
  reading.taken = clock_->monotonic();
  reading.trust = reading.unreadable.empty() ? Trust::kTrusted : Trust::kTorn;
  for (const VcpuReading& vcpu : reading.vcpus) {
    reading.trust = worse(reading.trust, vcpu.trust);
  }
  return reading;
}

}  // namespace kvmtsc
