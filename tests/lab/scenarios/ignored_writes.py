"""A kernel that accepts an offset and ignores it: the correction says "not applied", and nothing moves."""

from labhost import debugfs, guest_view, kvm_module
from labhost.corrector import Corrector

DEADLINE = 180
AHEAD = 3_000_000_019


def run(host):
    with kvm_module.ignoring_offsets(host.scratch):
        corrector = Corrector(host)
        with host.micro_vmm("--vcpus", 2) as vmm, host.qemu("-name", "guest=web-1") as qemu, \
                host.exporter(*corrector.flags, sweep=1.0) as exporter:
            metrics = exporter.metrics_when(lambda seen: len(seen.skews("web-1")) == 2 and any(
                len(seen.skews(vm)) == 2 for vm in seen.vms_of(vmm.pid)))
            [vm] = metrics.vms_of(vmm.pid)
            before = debugfs.offsets(vmm.directory())
            answer = vmm.command("set-offset", 1, before[1] + AHEAD)
            host.check("the kernel takes the offset from the VMM itself, and does not use it",
                       debugfs.offsets(vmm.directory()) == before, answer=answer)
            not_applied(host, corrector, vm, before)
            seen = guest_view.offsets(vmm)
            skew = guest_view.skew(seen[1], seen[0])
            host.check("the guest's own RDTSCs have not moved", 0 in skew, bound=skew.width // 2)

            [directory] = debugfs.directories_of(qemu.pid)
            not_applied(host, corrector, "web-1", debugfs.offsets(directory))
            host.check_equal("QEMU is well", qemu.command("query-status")["running"], True)

            metrics = exporter.metrics()
            host.check_equal("/metrics counts both as failed",
                             [metrics.value("kvm_tsc_corrections_failed_total", vm=one)
                              for one in (vm, "web-1")], [1, 1])
            host.check_equal("the service logs no error", exporter.errors(), [])


def not_applied(host, corrector, vm, offsets):
    """A correction of the VM ends so, and leaves the offsets as they are."""
    status, done = corrector.run("correct", vm, "--set", offsets[0] + AHEAD, "--yes")
    host.check_equal(f"{vm}: not applied, and kvm-tsc fails", (status, done["verdict"]), (1, "not_applied"),
                     error=done["error"])
    host.check("  it says that KVM accepted and did not apply", "did not apply" in done["error"]["message"],
               error=done["error"])
    host.check_equal("  of each vCPU: accepted, what was read back, what is there now",
                     [(vcpu["accepted"], int(vcpu["read_back"]), int(vcpu["after_rollback"]))
                      for vcpu in done["report"]["vcpus"]],
                     [(True, offset, offset) for offset in offsets.values()])
    host.check_equal("  nothing is called read back equal", done["facts"]["read_back_equal"], False)
    host.check_equal("  the audit has it", corrector.audit(done["id"]),
                     ["requested", "applying", "finished"])
