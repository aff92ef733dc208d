"""The guest's kvmclock, computed from its pvclock page, does not jump through a correction of its TSC.

As in exact_offset, the host counts instructions, and each sample is the guest's RDTSC at the shortest way
from a RDTSC of the host. The guest's page turns it into kvmclock, the host's frequency the host's into
time; how far the two are apart must stay the same, whatever is written.
"""

import threading
import time

from labhost import debugfs
from labhost.corrector import Corrector

ICOUNT = True
IDS = "2,1,0"  # in which order they are made, and enter for a sample
DEADLINE = 180
ENTRIES = 30
PAUSE = 0.1  # between samples: a host that is never idle is slow
STEP = 900_000_019  # 0.9 s: below correction.max_step's default
BOUND = 10e-6  # seconds: far below the step, and above what was seen


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--ids", IDS, "--guest", "stamp", "--pvclock") as vmm:
        khz = vmm.command("khz")["vcpus"][0]["khz"]
        before = sample(vmm)
        with host.exporter(*corrector.flags, sweep=1.0) as exporter:
            metrics = exporter.metrics_when(lambda seen: any(
                len(seen.skews(vm)) == 3 for vm in seen.vms_of(vmm.pid)))
            [vm] = metrics.vms_of(vmm.pid)
            common = debugfs.offsets(vmm.directory())[0]
            # By itself KVM asks for new pages where the master clock is on, or when a write makes all offsets
            # match, which then reach the others only after the vCPU of that write has entered.
            for name, words, by in (
                    ("one vCPU is set apart", ("--set", common + STEP, "--vcpu", 0), (STEP, 0, 0)),
                    ("all are shifted, apart as they are", ("--shift", STEP), (2 * STEP, STEP, STEP)),
                    ("all are aligned", (), (2 * STEP,) * 3)):
                by = dict(enumerate(by))
                wanted = {id: common + step for id, step in by.items()}
                status, done, samples = watched(host, corrector, vmm, vm, words, wanted)
                host.check_equal(name, (status, done.get("verdict")), (0, "corrected"),
                                 error=done.get("error"))
                host.check_equal("  which moved the TSC of the vCPUs it should",
                                 moved(before, samples[-1]), by)
                jumps = [jump(before[id], one[id], khz) for one in samples for id in before]
                far = max((one for one in jumps if abs(one) < BOUND), key=abs, default=None)
                late = [round(one, 9) for one in jumps if abs(one) >= BOUND]
                host.check("  and no vCPU's kvmclock", not late, seconds=far, bound=BOUND,
                           samples=len(samples), with_an_old_page=late)
            host.check_equal("the master clock is on again", done["facts"]["master_clock"], True)
        last = samples[-1]
        for id in before:
            stale = {**last[id], "page": before[id]["page"]}
            host.check(f"a page that KVM had not rewritten would have shown the step (vCPU {id})",
                       abs(jump(before[id], stale, khz) - 2 * STEP / (khz * 1e3)) < BOUND,
                       seconds=round(jump(before[id], stale, khz), 9))


def watched(host, corrector, vmm, vm, words, wanted):
    """A correction: kvm-tsc's status and answer, and samples from the moment the offsets are written. The
    guest does not run before, so that the first entry of each vCPU is one of them, in the vCPUs' order."""
    answer = []
    engineer = threading.Thread(
        target=lambda: answer.extend(corrector.run("correct", vm, *words, "--yes")))
    engineer.start()
    host.wait_until(lambda: debugfs.offsets(vmm.directory()) == wanted, seconds=60, pause=0.02)
    samples = []
    while engineer.is_alive():
        samples.append(sample(vmm))
        time.sleep(PAUSE)
    engineer.join()
    samples.append(sample(vmm))
    return answer[0], answer[1], samples


def sample(vmm):
    """{vCPU id: its answer of entry-lag}"""
    return {vcpu["id"]: vcpu for vcpu in vmm.command("entry-lag", ENTRIES)["vcpus"]}


def moved(one, other):
    return {id: int(other[id]["least"]) - int(one[id]["least"]) for id in one}


def jump(one, other, khz):
    """By how many seconds kvmclock went ahead of the host's TSC from one sample to the other."""
    elapsed = (int(other["host_tsc"]) - int(one["host_tsc"])) * 1_000_000 / khz  # ns
    return (kvmclock(other) - kvmclock(one) - elapsed) / 1e9


def kvmclock(vcpu):
    """Nanoseconds, as a guest computes them (struct pvclock_vcpu_time_info)."""
    page = vcpu["page"]
    ticks = int(vcpu["guest_tsc"]) - int(page["tsc_timestamp"])
    shift = page["tsc_shift"]
    shifted = ticks << shift if shift >= 0 else ticks >> -shift
    return int(page["system_time"]) + (shifted * page["tsc_to_system_mul"] >> 32)
