"""What /metrics says of every vCPU equals debugfs to the tick: names, uuid, offsets, spread 0."""

import contextlib

from labhost import debugfs

UUID = "8f14e45f-ceea-467f-a8d6-3b1c5e6f2a10"


def run(host):
    with contextlib.ExitStack() as stack:
        two = stack.enter_context(host.micro_vmm("--vcpus", 2, "--guest", "halt"))
        sparse = stack.enter_context(host.micro_vmm("--ids", "0,2,5,9", "--guest", "halt"))
        qemu = stack.enter_context(host.qemu("-name", "guest=billing,debug-threads=on", "-uuid", UUID))
        exporter = stack.enter_context(host.exporter())
        programs = {"micro-vmm with 2 vCPUs": (two, [0, 1]),
                    "micro-vmm with sparse ids": (sparse, [0, 2, 5, 9]),
                    "qemu with 2 vCPUs": (qemu, [0, 1])}
        metrics = exporter.metrics_when(
            lambda seen: all(seen.value("kvm_tsc_vm_skew_spread_seconds", vm=vm) is not None
                             for program, _ in programs.values()
                             for vm in seen.vms_of(program.pid) or [None]))
        host.check_equal("three VMs are listed", len(metrics.vms()), 3)
        for name, (program, ids) in programs.items():
            compare(host, metrics, name, program, ids)
        labels = metrics.vms().get("billing", {})
        host.check_equal("qemu's VM has its name and uuid", (labels.get("uuid"), labels.get("vmm")),
                         (UUID, "qemu"))
        host.check_equal("the service logs no error", exporter.errors(), [])


def compare(host, metrics, name, program, ids):
    [directory] = debugfs.directories_of(program.pid)
    truth = debugfs.offsets(directory)
    host.check_equal(f"{name}: debugfs lists its vCPUs", sorted(truth), ids)
    names = metrics.vms_of(program.pid)
    if not host.check(f"{name}: one VM under its pid", len(names) == 1, names=names):
        return
    [vm] = names
    host.check_equal(f"{name}: every offset equals debugfs", metrics.offsets(vm), truth, offsets=truth)
    host.check("%s: no offset is 0" % name, all(truth.values()))
    host.check_equal(f"{name}: vm_vcpus", metrics.value("kvm_tsc_vm_vcpus", vm=vm), len(ids))
    host.check_equal(f"{name}: spread", metrics.value("kvm_tsc_vm_skew_spread_seconds", vm=vm), 0.0)
    host.check_equal(f"{name}: every skew is 0", metrics.skews(vm), dict.fromkeys(ids, 0.0))
    host.check_equal(f"{name}: trusted", metrics.value("kvm_tsc_vm_trusted", vm=vm), 1)
