"""The audit's disk is full, and a VM that ends in the middle of a correction's verification: nothing is done unrecorded."""

import os
import subprocess
import threading

from labhost import debugfs
from labhost.corrector import Corrector

ICOUNT = True  # its time stands still when the machine is busy, and so do the deadlines of a hold
DEADLINE = 150
SWEEP = 2.0  # a verification waits for two of them
AHEAD = 3_000_000_019


def run(host):
    corrector = Corrector(host)
    disk = os.path.join(host.scratch, "small")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True, timeout=10)
    flags = [*corrector.flags[:-1], f"--audit.path={disk}/audit.db"]
    try:
        with host.micro_vmm("--vcpus", 2, "--guest", "halt") as vmm, host.exporter(*flags, sweep=SWEEP) as exporter:
            metrics = exporter.metrics_when(lambda seen: any(
                len(seen.skews(vm)) == 2 for vm in seen.vms_of(vmm.pid)))
            [vm] = metrics.vms_of(vmm.pid)
            vmm.command("set-offset", 1, debugfs.offsets(vmm.directory())[1] + AHEAD)
            exporter.metrics_when(lambda seen: seen.skews(vm).get(1, 0) > 0)
            with_full_disk(host, corrector, vmm, vm, disk)
            ended_in_the_middle(host, corrector, exporter, vmm, vm)
    finally:
        subprocess.run(["umount", "-l", disk], check=False, timeout=10)


def with_full_disk(host, corrector, vmm, vm, disk):
    before = debugfs.offsets(vmm.directory())
    filler = os.path.join(disk, "filler")
    with open(filler, "wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    status, refused = corrector.run("correct", vm, "--yes")
    host.check("with the audit's disk full a correction is refused", status == 1, answer=refused)
    host.check("  and the audit is named", "audit" in str(refused), answer=refused)
    host.check_equal("  no offset was written", debugfs.offsets(vmm.directory()), before)
    os.unlink(filler)


def ended_in_the_middle(host, corrector, exporter, vmm, vm):
    """The disk has room again, so the correction is made; the VMM is killed once its offsets are written."""
    answers = []
    asking = threading.Thread(target=lambda: answers.append(corrector.run("correct", vm, "--yes")))
    asking.start()
    written = host.wait_until(lambda: len(set(debugfs.offsets(vmm.directory()).values())) == 1, seconds=60,
                              pause=0.02)
    vmm.kill()
    host.check("with room again it writes", written)
    asking.join(90)
    [(status, done)] = answers or [(None, {})]
    host.check("the VM ended in the middle: kvm-tsc fails and the verdict is none of success",
               status == 1 and done.get("verdict") not in (None, "corrected"), answer=done)
    host.check("  it says that the VM ended", "the VM ended" in str(done.get("error")), error=done.get("error"))
    host.check_equal("  the audit has it to its end", corrector.audit(done.get("id"))[-1:], ["finished"])
    gone = exporter.metrics_when(lambda seen: not seen.with_vm())
    host.check_equal("  no series is left", gone.with_vm(), {})
