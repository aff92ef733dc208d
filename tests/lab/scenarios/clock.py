"""A real QEMU's clock triple is consistent: kvmclock and the guest's TSC advance together."""

SWEEP = 1.0


def run(host):
    with host.qemu("-name", "guest=web-1", vcpus=2) as qemu, \
            host.exporter("--attach.mode=clock", "--attach.clock-interval=1s", sweep=SWEEP) as exporter:
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
        host.check_equal("QEMU is well", qemu.command("query-status")["running"], True)


def value(metrics, name):
    return metrics.value(f"kvm_tsc_vm_{name}", vm="web-1")
