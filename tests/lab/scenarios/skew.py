"""Skew is real: what a VMM writes is what /metrics shows and what the guest itself sees."""

import time

from labhost import debugfs, guest_view

SWEEP = 1.0
# One vCPU far ahead: well beyond the noise of reading the guest's own TSC (some 10 ms where four
# spinning vCPUs share two emulated processors). One a little behind, to show exactness.
AHEAD = 3_000_000_019
BEHIND = -777
WRITTEN = {0: 0, 1: 0, 2: AHEAD, 3: BEHIND}
NONE = dict.fromkeys(WRITTEN, 0)


def run(host):
    with host.micro_vmm("--vcpus", 4) as vmm, host.exporter(sweep=SWEEP) as exporter:
        metrics = exporter.metrics_when(lambda seen: any(
            len(seen.skews(vm)) == 4 for vm in seen.vms_of(vmm.pid)))
        [vm] = metrics.vms_of(vmm.pid)
        common = debugfs.offsets(vmm.directory())[0]
        host.check_equal("no skew at first", metrics.skews(vm), NONE)
        host.check_equal("no step at first", metrics.steps(vm), NONE)

        applied = [vmm.command("set-offset", 2, common + AHEAD)["applied"],
                   vmm.command("set-offset", 3, common + BEHIND)["applied"]]
        written = time.monotonic()
        host.check_equal("KVM took both offsets", applied, [True, True])
        metrics = exporter.metrics_when(lambda seen: seen.skews(vm).get(3, 0) != 0)
        late = time.monotonic() - written
        host.check("two sweeps later the skew is there (three sweeps pass at most)",
                   late < 3 * SWEEP + 1, seconds=round(late, 2))
        host.check_equal("each step is counted once", metrics.steps(vm), {0: 0, 1: 0, 2: 1, 3: 1})
        skews = metrics.skews(vm)
        host.check("/metrics shows exactly that skew (to 0.01 tick)",
                   skews.keys() == WRITTEN.keys()
                   and all(abs(skews[id] - WRITTEN[id]) < 0.01 for id in WRITTEN), ticks=skews)
        host.check_equal("the offsets equal debugfs", metrics.offsets(vm),
                         debugfs.offsets(vmm.directory()))
        spread = metrics.value("kvm_tsc_vm_skew_spread_seconds", vm=vm)
        spread *= metrics.value("kvm_tsc_vm_frequency_hertz", vm=vm)
        host.check("the spread is most ahead minus most behind", abs(spread - (AHEAD - BEHIND)) < 0.01,
                   ticks=spread)
        compare_with_guests(host, vmm)

        vmm.command("set-all-offsets", common)
        metrics = exporter.metrics_when(lambda seen: seen.steps(vm)[3] > 1
                                        and set(seen.skews(vm).values()) == {0.0})
        host.check_equal("one offset for all: no skew again", metrics.skews(vm), NONE)
        host.check_equal("the way back is a step too", metrics.steps(vm), {0: 0, 1: 0, 2: 2, 3: 2})
        host.check_equal("the service logs no error", exporter.errors(), [])


def compare_with_guests(host, vmm):
    """The guests' own RDTSC stores, each bracketed by the host's TSC."""
    seen = guest_view.offsets(vmm)
    reference = seen[0]
    for id in (1, 2, 3):
        skew = guest_view.skew(seen[id], reference)
        host.check(f"vCPU {id}'s own RDTSC agrees within its bound", WRITTEN[id] in skew,
                   written=WRITTEN[id], seen=(skew.low + skew.high) // 2, bound=skew.width // 2)
    host.check("that bound tells the written skew from none", 0 not in guest_view.skew(seen[2], reference))
