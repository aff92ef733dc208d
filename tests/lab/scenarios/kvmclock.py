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
DEADLINE = 180
ENTRIES = 30
PAUSE = 0.1  # between samples: a host that is never idle is slow
STEP = 900_000_019  # 0.9 s: below correction.max_step's default
BOUND = 10e-6  # seconds: far below the step, and above what was seen


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--vcpus", 2, "--guest", "stamp", "--pvclock") as vmm:
        khz = vmm.command("khz")["vcpus"][0]["khz"]
        before = sample(vmm)
        with host.exporter(*corrector.flags, sweep=1.0) as exporter:
            metrics = exporter.metrics_when(lambda seen: any(
                len(seen.skews(vm)) == 2 for vm in seen.vms_of(vmm.pid)))
            [vm] = metrics.vms_of(vmm.pid)
            common = debugfs.offsets(vmm.directory())[0]
            for name, words in (("one vCPU is set apart", ("--set", common + STEP, "--vcpu", 1)),
                                ("all are aligned", ())):
                status, done, samples = watched(corrector, vmm, vm, words)
                host.check_equal(name, (status, done.get("verdict")), (0, "corrected"),
                                 error=done.get("error"))
                host.check_equal("  which moved the TSC of the vCPUs it should",
                                 moved(before, samples[-1]), {0: 0 if words else STEP, 1: STEP})
                jumps = [jump(before[id], one[id], khz) for one in samples for id in before]
                far = max((one for one in jumps if abs(one) < BOUND), key=abs, default=None)
                late = [round(one, 9) for one in jumps if abs(one) >= BOUND]
                # Where KVM has no master clock and not all vCPUs' offsets match yet, a write asks for no
                # new page; the vCPU that makes them match asks, for all, when it enters. One that enters
                # before has the old page once: a sample here, microseconds where all vCPUs run.
                host.check("  and no vCPU's kvmclock, once every vCPU has entered",
                           len(late) <= 1 and jump_at_end(before, samples[-1], khz) < BOUND,
                           seconds=far, bound=BOUND, samples=len(samples), with_an_old_page=late)
            host.check_equal("the master clock is on again", done["facts"]["master_clock"], True)
        last = samples[-1]
        for id in before:
            stale = {**last[id], "page": before[id]["page"]}
            host.check(f"a page that KVM had not rewritten would have shown the step (vCPU {id})",
                       abs(jump(before[id], stale, khz) - STEP / (khz * 1e3)) < BOUND,
                       seconds=round(jump(before[id], stale, khz), 9))


def watched(corrector, vmm, vm, words):
    """A correction while the guest runs: kvm-tsc's status and answer, the samples taken meanwhile."""
    answer = []
    engineer = threading.Thread(
        target=lambda: answer.extend(corrector.run("correct", vm, *words, "--yes")))
    engineer.start()
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


def jump_at_end(before, last, khz):
    return max(abs(jump(before[id], last[id], khz)) for id in before)


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
