"""The service is killed before, between and after its writes: the VM lives, the next start says so.

When to kill is seen from outside, in /proc/TID/syscall of the vCPU that is written first: it sleeps, is
made to stop, stands, and is let go into its write. What a kill left is then read in debugfs. The host
has one processor, and who kills a higher priority than the service's tracer, so none runs past the other.
"""

import os
import random
import signal
import threading
import time

from labhost import debugfs
from labhost.corrector import Corrector

ICOUNT = True
DEADLINE = 240
VCPUS = 8
AHEAD = 3_000_000_019
ODD = VCPUS - 1  # the vCPU that is ahead: aligning moves all others
OUTCOMES = ("half written", "nothing written", "all written")
MOST_ROUNDS = 9
ENTRIES = 50
PATIENCE = 3  # seconds; of a killer whom nothing else can stop


def run(host):
    corrector = Corrector(host)
    seen = dict.fromkeys(OUTCOMES, 0)
    with host.micro_vmm("--vcpus", VCPUS, "--guest", "stamp") as vmm:
        common = debugfs.offsets(vmm.directory())[0]
        exporter = host.exporter(*corrector.flags, sweep=0.5)
        for round in range(1, MOST_ROUNDS + 1):
            wanted = min(OUTCOMES, key=seen.get)
            vm = set_apart(exporter, vmm, common)
            correct_and_kill(corrector, exporter, vmm, vm, wanted)
            outcome = look(host, vmm, common, f"round {round}", wanted)
            exporter = host.exporter(*corrector.flags, sweep=0.5)
            id = reported(host, corrector, exporter, f"round {round}")
            if outcome in ("half written", "nothing written"):
                mended(host, corrector, exporter, vmm, common, f"round {round}")
            else:
                undone(host, corrector, vmm, common, id, f"round {round}")
            seen[outcome] = seen.get(outcome, 0) + 1
            if all(seen.values()):
                break
        host.check("the service was killed before, between and after its writes", all(seen.values()), **seen)
        host.check_equal("the service logs no error", exporter.errors(), [])
        exporter.end()


def set_apart(exporter, vmm, common):
    """The VM's name, once the service has seen its skew."""
    vmm.command("set-all-offsets", common)
    vmm.command("set-offset", ODD, common + AHEAD)
    metrics = exporter.metrics_when(lambda seen: any(
        seen.skews(vm).get(ODD, 0) > 0 for vm in seen.vms_of(vmm.pid)))
    [vm] = metrics.vms_of(vmm.pid)
    return vm


def correct_and_kill(corrector, exporter, vmm, vm, wanted):
    """Kills the service in the moment from which `wanted` is likely."""
    begun = corrections_begun()
    engineer = threading.Thread(target=lambda: corrector.run("correct", vm, "--yes"))
    engineer.start()
    deadline = time.monotonic() + 20
    while corrections_begun() == begun and time.monotonic() < deadline:
        time.sleep(0.002)
    if wanted == "all written":
        while len(set(debugfs.offsets(vmm.directory()).values())) > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.2))
        os.kill(exporter.pid, signal.SIGKILL)
    else:
        # It is "running" when it is interrupted, and again when it is let go into its write.
        kill_when_running(exporter, vmm, 2 if wanted == "half written" else 1)
    exporter.process.wait()
    engineer.join()


def kill_when_running(exporter, vmm, times):
    path = f"/proc/{vmm.pid}/task/{vmm.vms[0]['vcpus'][0]['tid']}/syscall"
    was_running = False
    with open(path, "rb", buffering=0) as file:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
        try:
            deadline = time.monotonic() + PATIENCE
            while times > 0 and time.monotonic() < deadline:
                running = os.pread(file.fileno(), 200, 0).startswith(b"running")
                times -= running and not was_running
                was_running = running
                time.sleep(0.0001 if times > 0 else 0)
            os.kill(exporter.pid, signal.SIGKILL)
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def corrections_begun():
    with open("exporter.log", encoding="utf-8") as log:
        return log.read().count('msg="correction applying"')


def look(host, vmm, common, round, wanted):
    """Which of the outcomes it was."""
    # Each answer comes from the vCPU's own thread, after it has entered its guest.
    lag = {vcpu["id"]: int(vcpu["least"]) for vcpu in vmm.command("entry-lag", ENTRIES)["vcpus"]}
    offsets = debugfs.offsets(vmm.directory())
    host.check_equal(f"{round}: every vCPU runs on", list(lag), list(range(VCPUS)))
    host.check_equal("  and its own RDTSC agrees with debugfs, to the tick",
                     len({lag[id] - offsets[id] for id in lag}), 1)
    new = sum(offset == common + AHEAD for offset in offsets.values())
    old = sum(offset == common for offset in offsets.values())
    outcome = {1: "nothing written", VCPUS: "all written"}.get(new, "half written")
    host.check_equal("  each offset is its old or its new one", old + new, VCPUS, outcome=outcome,
                     aimed_at=wanted, old=old, new=new)
    return outcome


def reported(host, corrector, exporter, round):
    """The service that starts next knows of this one, and of no other."""
    log = corrector.run("log", "--limit", 1000)[1]
    begun = max((event for event in log if event["what"] == "applying"), key=lambda event: event["at"])
    left = [event["details"] for event in log
            if event["what"] == "interrupted" and event["correction"] == begun["correction"]]
    host.check_equal(f"{round}: the next start reports one interrupted correction",
                     exporter.metrics().value("kvm_tsc_corrections_interrupted_total"), 1)
    host.check_equal("  the audit has it once, as uncertain", [one["verdict"] for one in left], ["uncertain"],
                     why=[one["error"]["message"] for one in left])
    return begun["correction"]


def mended(host, corrector, exporter, vmm, common, round):
    exporter.metrics_when(lambda seen: any(
        seen.skews(vm).get(ODD, 0) > 0 for vm in seen.vms_of(vmm.pid)))
    [vm] = exporter.metrics().vms_of(vmm.pid)
    status, done = carried_out(corrector, vmm, "correct", vm, "--yes")
    host.check_equal(f"{round}: a new correction mends it", (status, done.get("verdict")), (0, "corrected"),
                     error=done.get("error"))
    host.check_equal("  every vCPU has the offset", set(debugfs.offsets(vmm.directory()).values()),
                     {common + AHEAD})


def undone(host, corrector, vmm, common, id, round):
    """The interrupted correction itself is taken back, by a service that did not make it."""
    words = ("undo", id, "--yes", "--allow", "backwards")
    status, done = host.wait_until(lambda: unless_unconfirmed(carried_out(corrector, vmm, *words))) or (1, {})
    host.check_equal(f"{round}: its undo takes it back", (status, done.get("verdict")), (0, "corrected"),
                     error=done.get("error"), detail=done.get("detail"))
    offsets = debugfs.offsets(vmm.directory())
    host.check_equal("  every vCPU has the offset of before", offsets,
                     {id: common + (AHEAD if id == ODD else 0) for id in range(VCPUS)})


def unless_unconfirmed(answer):
    """None for a refusal that a second sweep ends."""
    status, done = answer
    return None if status == 1 and done.get("status") in (422, 503) else answer


def carried_out(corrector, vmm, *words):
    """kvm-tsc's status and answer, while the guest runs: the master clock comes back once it has."""
    answer = []
    engineer = threading.Thread(target=lambda: answer.extend(corrector.run(*words)))
    engineer.start()
    while engineer.is_alive():
        vmm.command("entry-lag", 1)
        time.sleep(0.1)
    engineer.join()
    return answer[0], answer[1]
