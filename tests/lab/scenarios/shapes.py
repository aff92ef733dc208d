"""VMs of odd shapes: two in one process, made by another thread, hot-plugged, killed.

And a new VM is noticed long before the next sweep is due.
"""

import time

from labhost import debugfs

SWEEP = 0.5


def run(host):
    with host.exporter(sweep=SWEEP) as exporter:
        two_in_one_process(host, exporter)
        for creator in ("other", "ended"):
            created_by_another_thread(host, exporter, creator)
        plugged_in_late(host, exporter)
        killed(host, exporter)
        host.check_equal("the service logs no error", exporter.errors(), [])
    with host.exporter(sweep=60) as exporter:
        noticed_at_once(host, exporter)


def two_in_one_process(host, exporter):
    with host.micro_vmm("--vms", 2, "--vcpus", 2, "--guest", "halt") as vmm:
        truth = []
        for index in (0, 1):
            common = debugfs.offsets(vmm.directory(index))[0]
            vmm.command(index, "set-all-offsets", common - 1000 * (index + 1))
            truth.append(debugfs.offsets(vmm.directory(index)))
        metrics = exporter.metrics_when(lambda seen: seen_offsets(seen, vmm) == sorted_by_first(truth))
        host.check_equal("two VMs in one process: both are listed under its pid",
                         len(metrics.vms_of(vmm.pid)), 2, names=metrics.vms_of(vmm.pid))
        host.check_equal("two VMs in one process: each has its own offsets",
                         seen_offsets(metrics, vmm), sorted_by_first(truth))


def created_by_another_thread(host, exporter, creator):
    with host.micro_vmm("--thread", creator, "--vcpus", 2) as vmm:
        about = {"other": "a creator that is not the main thread",
                 "ended": "a creator that has ended"}[creator]
        host.check(f"{about}: the directory is not named after the pid",
                   vmm.vms[0]["creator"] != vmm.pid, directory=vmm.directory(), pid=vmm.pid)
        truth = [debugfs.offsets(vmm.directory())]
        metrics = exporter.metrics_when(lambda seen: seen_offsets(seen, vmm) == truth)
        host.check_equal(f"{about}: the VM is listed under the process", seen_offsets(metrics, vmm), truth)


def plugged_in_late(host, exporter):
    with host.micro_vmm("--vcpus", 2, "--guest", "halt") as vmm:
        exporter.metrics_when(lambda seen: vmm_vcpus(seen, vmm) == [2])
        vmm.command("add-vcpu", 7)
        truth = debugfs.offsets(vmm.directory())
        metrics = exporter.metrics_when(lambda seen: seen_offsets(seen, vmm) == [truth])
        host.check_equal("a vCPU plugged in late: it is listed", sorted(truth), [0, 1, 7])
        host.check_equal("a vCPU plugged in late: its offset equals debugfs",
                         seen_offsets(metrics, vmm), [truth], offsets=truth)
        host.check_equal("a vCPU plugged in late: vm_vcpus", vmm_vcpus(metrics, vmm), [3])


def killed(host, exporter):
    vmm = host.micro_vmm("--vcpus", 2)
    exporter.metrics_when(lambda seen: seen.vms_of(vmm.pid))
    vmm.kill()
    ended = time.monotonic()
    metrics = exporter.metrics_when(lambda seen: not seen.with_vm())
    took = time.monotonic() - ended
    host.check_equal("a VMM killed with SIGKILL: no series is left", metrics.with_vm(), {})
    host.check("a VMM killed with SIGKILL: gone within an interval (and 1 s for an emulated host)",
               took < SWEEP + 1, seconds=round(took, 2))


def noticed_at_once(host, exporter):
    with host.micro_vmm("--vcpus", 1) as vmm:
        created = time.monotonic()
        metrics = exporter.metrics_when(lambda seen: seen.vms_of(vmm.pid), seconds=10)
        took = time.monotonic() - created
        host.check("a new VM is listed at once though sweeps are a minute apart",
                   bool(metrics.vms_of(vmm.pid)) and took < 5, seconds=round(took, 2))


def seen_offsets(metrics, vmm):
    """The offsets of each of the process's VMs on /metrics."""
    return sorted_by_first([metrics.offsets(vm) for vm in metrics.vms_of(vmm.pid)])


def sorted_by_first(offsets):
    return sorted(offsets, key=lambda of_vm: list(of_vm.items())[:1])


def vmm_vcpus(metrics, vmm):
    return [metrics.value("kvm_tsc_vm_vcpus", vm=vm) for vm in metrics.vms_of(vmm.pid)]
