"""KVM's catch-up mode: offsets that KVM moves at each entry are no healthy VM's; no correction is made of them.

Without hardware TSC scaling KVM accepts a frequency above the host's and promises to keep up with it by moving
the offset (tsc_always_catchup in arch/x86/kvm/x86.c). With a master clock it does nothing; without, it does.
"""

from labhost import debugfs, guest_view
from labhost.corrector import Corrector

ICOUNT = True  # its time stands still when the machine is busy, and so do the deadlines of a hold
DEADLINE = 150
SWEEP = 1.0
TOLD = 1.2  # of the host's frequency
AHEAD = 3_000_000_019
MOVES_FOR = 6  # seconds after which every vCPU has left what it had when it was written


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--vcpus", 2) as vmm, host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        metrics = exporter.metrics_when(lambda seen: any(
            len(seen.skews(vm)) == 2 and seen.master_clock(vm) == 1 for vm in seen.vms_of(vmm.pid)))
        [vm] = metrics.vms_of(vmm.pid)
        khz = vmm.command("khz")["vcpus"][0]["khz"]
        for id in (0, 1):
            vmm.command("set-khz", id, int(khz * TOLD))
        told_a_faster_tsc(host, corrector, exporter, vmm, vm)
        vmm.command("set-offset", 1, debugfs.offsets(vmm.directory())[1] + AHEAD)
        moved_by_kvm(host, exporter, vmm, vm)
        said_and_refused(host, corrector, exporter, vmm, vm)
        host.check_equal("the service logs no error", exporter.errors(), [])


def told_a_faster_tsc(host, corrector, exporter, vmm, vm):
    """The master clock is in use: nothing moves, and the guest believes in a TSC that it has not."""
    metrics = exporter.metrics_when(lambda seen: (told_error(seen, vm) or 0) < -0.1)
    host.check("a guest told 120 % of its TSC's frequency: its TSC is 17 % slow for it",
               abs((told_error(metrics, vm) or 0) - (1 / TOLD - 1)) < 0.001, ratio=told_error(metrics, vm))
    offsets = debugfs.offsets(vmm.directory())
    sweeps = metrics.value("kvm_tsc_last_sweep_timestamp_seconds")
    metrics = exporter.metrics_when(
        lambda seen: seen.value("kvm_tsc_last_sweep_timestamp_seconds") > sweeps + 3 * SWEEP)
    host.check_equal("its offsets are equal and quiet, and trusted",
                     (len(set(offsets.values())), debugfs.offsets(vmm.directory()), metrics.skews(vm),
                      metrics.trust_state(vm)), (1, offsets, {0: 0, 1: 0}, "trusted"))
    host.check_equal("the master clock is in use", metrics.master_clock(vm), 1)
    shown = corrector.run("show", vm)[1]
    host.check("kvm-tsc show has it", abs(shown["told_frequency_error_ppm"] + 166_667) < 1000,
               ppm=shown["told_frequency_error_ppm"])


def moved_by_kvm(host, exporter, vmm, vm):
    """One vCPU's offset is written: the master clock is lost, and KVM begins to move every offset."""
    before = debugfs.offsets(vmm.directory())
    host.wait_until(lambda: min(moved(before, vmm).values()) > 0, seconds=MOVES_FOR)
    host.check("KVM moves every vCPU's offset, by debugfs", min(moved(before, vmm).values()) > 0,
               ticks=moved(before, vmm))
    metrics = exporter.metrics_when(lambda seen: seen.trust_state(vm) == "changing")
    host.check_equal("the state on /metrics is changing", metrics.trust_state(vm), "changing")
    host.check_equal("and not trusted", metrics.value("kvm_tsc_vm_trusted", vm=vm), 0)
    counted = metrics.steps(vm)
    later = exporter.metrics_when(lambda seen: all(seen_of > counted[id] + 1 for id, seen_of
                                                   in seen.steps(vm).items()))
    host.check("steps go on rising, of every vCPU",
               all(count > counted[id] + 1 for id, count in later.steps(vm).items()),
               first=counted, later=later.steps(vm))
    host.check_equal("the master clock is lost", later.master_clock(vm), 0)

    skew = skew_of_guests(vmm)
    metrics = exporter.metrics()
    ticks, bound = metrics.skews(vm)[1], bound_ticks(metrics, vm)
    host.check("by their own RDTSCs the vCPUs are apart", 0 not in skew, low=skew.low, high=skew.high)
    host.check("the skew shown is that, within its bound",
               ticks - bound <= skew.high and skew.low <= ticks + bound,
               ticks=ticks, bound=bound, low=skew.low, high=skew.high)
    host.check("which does not call it none", abs(ticks) > 0 and bound > 0, ticks=ticks, bound=bound)


def said_and_refused(host, corrector, exporter, vmm, vm):
    shown = corrector.run("show", vm)[1]
    host.check_equal("kvm-tsc show: changing", shown["trust"], "changing")
    host.check("  and that it is KVM that catches up", "KVM lets them catch up" in (shown["trust_reason"] or ""),
               reason=shown["trust_reason"])
    status, plan = corrector.run("plan", vm)
    against = {one["objection"]: one["detail"] for one in plan["objections"]} if status == 0 else plan
    host.check("a plan says that it is untrusted, and why", "KVM lets them catch up" in against.get("untrusted", ""), objections=against)
    status, refused = corrector.run("correct", vm, "--yes", "--allow", "backwards", "--allow", "large_step")
    host.check("a correction is refused, with that reason", status == 1 and "untrusted" in str(refused)
               and "KVM lets them catch up" in str(refused), answer=refused)
    audit = [event["what"] for event in corrector.run("log", "--limit", 100)[1]]
    host.check("nothing was written", "applying" not in audit, audit=audit)
    host.check_equal("it goes on changing", exporter.metrics().trust_state(vm), "changing")


def moved(before, vmm):
    return {id: offset - before[id] for id, offset in debugfs.offsets(vmm.directory()).items()}


def skew_of_guests(vmm):
    seen = guest_view.offsets(vmm)
    return guest_view.skew(seen[1], seen[0])


def bound_ticks(metrics, vm):
    return (metrics.value("kvm_tsc_vm_skew_bound_seconds", vm=vm)
            * metrics.value("kvm_tsc_vm_frequency_hertz", vm=vm))


def told_error(metrics, vm):
    return metrics.value("kvm_tsc_vm_told_frequency_error_ratio", vm=vm)
