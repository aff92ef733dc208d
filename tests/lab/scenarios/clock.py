"""A real QEMU's clock: its triple is consistent, and a lost master clock comes back by a correction."""

from labhost import debugfs
from labhost.corrector import Corrector

SWEEP = 1.0
AHEAD = 3_000_000_019


def run(host):
    corrector = Corrector(host)
    with host.qemu("-name", "guest=web-1", vcpus=2) as qemu:
        with host.exporter("--attach.mode=clock", "--attach.clock-interval=1s", sweep=SWEEP) as exporter:
            consistent(host, exporter, qemu)
        corrected(host, corrector, qemu)
        host.check_equal("QEMU is well", qemu.command("query-status")["running"], True)


def consistent(host, exporter, qemu):
    def value(metrics, name):
        return metrics.value(f"kvm_tsc_vm_{name}", vm="web-1")

    first = exporter.metrics_when(lambda seen: value(seen, "kvmclock_divergence_seconds") is not None)
    host.check_equal("its master clock is on", value(first, "master_clock"), 1)
    reads = first.value("kvm_tsc_clock_read_hold_seconds_count")
    later = exporter.metrics_when(
        lambda seen: seen.value("kvm_tsc_clock_read_hold_seconds_count") >= reads + 4)
    divergence = value(later, "kvmclock_divergence_seconds")
    bound = value(later, "kvmclock_divergence_bound_seconds")
    host.check("kvmclock and the guest's TSC advance together within the bound",
               abs(divergence) <= bound, divergence=divergence, bound=bound)
    host.check("which is worth something", bound < 1e-3, bound=bound)
    host.check_equal("no vCPU was paused", later.value("kvm_tsc_vcpu_pause_seconds_count"), 0)
    host.check_equal("the service logs no error", exporter.errors(), [])


def corrected(host, corrector, qemu):
    with host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        exporter.metrics_when(lambda seen: len(seen.skews("web-1")) == 2)
        [directory] = debugfs.directories_of(qemu.pid)
        common = debugfs.offsets(directory)[0]
        # QEMU itself writes no offsets: we set one apart, as a mistaken engineer would.
        words = ("correct", "web-1", "--set", common + AHEAD, "--vcpu", 1, "--yes")
        status, done = corrector.run(*words)
        host.check_equal("one vCPU is set apart", (status, done["verdict"]), (0, "corrected"),
                         error=done["error"])
        metrics = exporter.metrics_when(
            lambda seen: seen.value("kvm_tsc_vm_master_clock", vm="web-1") == 0)
        host.check_equal("which costs the master clock",
                         metrics.value("kvm_tsc_vm_master_clock", vm="web-1"), 0)
        status, done = corrector.run("correct", "web-1", "--yes")
        host.check_equal("aligning corrects it", (status, done["verdict"]), (0, "corrected"),
                         error=done["error"], facts=done["facts"])
        host.check_equal("the master clock is back", done["facts"]["master_clock"], True)
        host.check_equal("debugfs agrees", set(debugfs.offsets(directory).values()), {common + AHEAD})
        host.check_equal("the audit is complete", corrector.audit(done["id"]),
                         ["requested", "applying", "written", "finished"])
        host.check_equal("the service logs no error", exporter.errors(), [])
