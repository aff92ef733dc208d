"""An idle guest's armed timer, through corrections by 5 s: what it is woken at, by its own TSC, with re-arming and without."""

import os
import subprocess

from labhost import debugfs, documents
from labhost.corrector import Corrector

ICOUNT = True
DEADLINE = 240
INTERVAL = 10_000  # ms for which the guest sleeps: twice the step, so that there is time to write
STEP = 5
SLACK = 0.5  # seconds, far below the step; some ms were seen, of an emulated host on a busy machine
HOUR_BACK = ("--shift-time", "-3600s", "--allow", "backwards", "--allow", "large_step")
IN_WORDS = {0: "at its deadline", STEP: "late by the step", -STEP: "early by the step"}


def run(host):
    corrector, table = Corrector(host), []
    with host.micro_vmm("--guest", "timer", "--interval", INTERVAL) as vmm, \
            host.exporter(*corrector.flags, sweep=1.0) as exporter:
        metrics = exporter.metrics_when(lambda seen: any(len(seen.skews(vm)) == 1 for vm in seen.vms_of(vmm.pid)))
        [vm] = metrics.vms_of(vmm.pid)
        guest = Guest(host, vmm)
        guest.wakes("undisturbed, the guest is woken at its deadline", 0)

        def through(step, anew, write, late):
            write()
            guest.wakes(f"through {step:+} s, armed {'anew' if anew else 'as it was'}: woken {IN_WORDS[late]}", late)
            table.append(f"| {step:+} s | {'yes' if anew else 'no'} | {IN_WORDS[late]} |")

        through(STEP, True, lambda: corrected(host, corrector, "correct", vm, "--shift-time", f"{STEP}s"), 0)
        through(-STEP, True, lambda: corrected(host, corrector, "undo", "--allow", "backwards"), 0)
        below_zero(host, corrector, vmm, vm)
        through(STEP, False, lambda: written_by_another(host, guest, STEP), STEP)
        through(-STEP, False, lambda: written_by_another(host, guest, -STEP), -STEP)
        guest.wakes("and the next time at its deadline", 0)
        host.check_equal("the service logs no error", exporter.errors(), [])
    documents.check_table(host, "docs/what-a-guest-notices.md", table)


class Guest:
    """The guest's own account: how often its timer has woken it, last for which deadline, and at which TSC."""

    def __init__(self, host, vmm):
        self.host, self.vmm = host, vmm
        self.khz = vmm.command("khz")["vcpus"][0]["khz"]
        self.seen = 0

    def wakes(self, name, late):
        """Waits until it has been woken once more, and compares by how many seconds it was late."""
        self.host.wait_until(lambda: self.firing()["times"] > self.seen, seconds=3 * INTERVAL / 1000, pause=0.1)
        firing = self.firing()
        self.seen += 1
        self.host.check_equal("it was woken once", firing["times"], self.seen)
        seconds = (int(firing["fired"]) - int(firing["deadline"])) / (self.khz * 1e3)
        self.host.check(name, 0 <= seconds - late < SLACK, seconds=round(seconds, 6), expected=late)

    def firing(self):
        return self.vmm.command("firings")["vcpus"][0]


def corrected(host, corrector, *words):
    status, done = corrector.run(*words, "--yes", *(("--allow", "large_step") if words[0] == "correct" else ()))
    host.check(f"kvm-tsc {words[0]}: corrected", status == 0 and done.get("verdict") == "corrected",
               error=done.get("error"), answer=None if status == 0 else done)
    host.check_equal("  the timer was armed anew",
                     [(vcpu["timer"], vcpu["timer_reason"]) for vcpu in done["report"]["vcpus"]], [("rearmed", None)])


def written_by_another(host, guest, seconds):
    """By a program that writes offsets and leaves timers alone."""
    vmm = guest.vmm
    [(vcpu, offset)] = debugfs.offsets(vmm.directory()).items()
    wanted = offset + seconds * guest.khz * 1000
    written = subprocess.run([os.path.join(host.bin, "offset-writer"), str(vmm.pid), str(vcpu), str(wanted)],
                             stderr=subprocess.PIPE, text=True, check=False)
    host.check_equal("another program writes the offset", (written.returncode, written.stderr), (0, ""))


def below_zero(host, corrector, vmm, vm):
    before = debugfs.offsets(vmm.directory())
    status, refused = corrector.run("correct", vm, *HOUR_BACK, "--yes")
    host.check("an hour back, with all that can be allowed: refused",
               status == 1 and "below 0" in refused.get("detail", ""), status=status, answer=refused.get("detail"))
    host.check_equal("  nothing is written", debugfs.offsets(vmm.directory()), before)
