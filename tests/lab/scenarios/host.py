"""The lab host itself: a stock kernel whose KVM gives real TSC offsets."""

import ctypes
import fcntl
import os

from labhost import debugfs

KVM_CREATE_VM = 0xAE01
KVM_CREATE_VCPU = 0xAE41


def run(host):
    host.check_equal("the host's clocksource is its TSC", debugfs.read(
        "/sys/devices/system/clocksource/clocksource0/current_clocksource"), "tsc")
    host.check_equal("no VM at first", debugfs.directories(), [])
    kvm = os.open("/dev/kvm", os.O_RDWR)
    vm = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
    vcpus = [fcntl.ioctl(vm, KVM_CREATE_VCPU, id) for id in (0, 2)]
    name = f"{ctypes.CDLL(None).gettid()}-{vm}"
    host.check_equal("a VM is listed by its creator and descriptor", debugfs.directories(), [name])
    offsets = debugfs.offsets(name)
    host.check_equal("its vCPUs are listed", sorted(offsets), [0, 2])
    host.check("its offsets are negative: the guest's TSC begins at 0",
               all(offset < 0 for offset in offsets.values()), offsets=offsets)
    for descriptor in (*vcpus, vm, kvm):
        os.close(descriptor)
    host.check("the VM is no longer listed after its end",
               host.wait_until(lambda: not debugfs.directories(), 5))
