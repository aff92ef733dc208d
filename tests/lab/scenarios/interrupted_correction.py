"""The service is killed in mid-correction: the VM lives, and the next start says what was left."""

import os
import signal
import time

from labhost import debugfs, guest_view
from labhost.corrector import Corrector

AHEAD = 3_000_000_019
ROUNDS = 3


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--vcpus", 4) as vmm:
        common = debugfs.offsets(vmm.directory())[0]
        left = 0
        for round in range(ROUNDS):
            vmm.command("set-all-offsets", common)
            vmm.command("set-offset", 2, common + AHEAD)
            left += kill_in_mid_correction(host, corrector, vmm, common, round)
        host.check("each was found half done at the next start", left == ROUNDS, found=left)
        # A last one that is left in peace.
        vmm.command("set-all-offsets", common)
        vmm.command("set-offset", 2, common + AHEAD)
        with host.exporter(*corrector.flags, sweep=0.5) as exporter:
            vm = skewed_vm(exporter, vmm)
            status, done = corrector.run("correct", vm, "--yes")
            host.check_equal("corrections still work", (status, done["verdict"]), (0, "corrected"),
                             error=done["error"])


def kill_in_mid_correction(host, corrector, vmm, common, round):
    """1 if the next start found it half done."""
    exporter = host.exporter(*corrector.flags, sweep=0.5)
    vm = skewed_vm(exporter, vmm)
    child = os.fork()
    if child == 0:
        try:
            corrector.run("correct", vm, "--yes")
        finally:
            os._exit(0)
    # It takes two sweeps from here to the verdict.
    host.wait_until(lambda: len(set(debugfs.offsets(vmm.directory()).values())) == 1, pause=0.01)
    time.sleep(0.05 * round)
    os.kill(exporter.pid, signal.SIGKILL)
    exporter.process.wait()
    os.waitpid(child, 0)
    seen = guest_view.offsets(vmm)
    host.check(f"round {round}: every vCPU of the guest still runs", len(seen) == 4)
    offsets = set(debugfs.offsets(vmm.directory()).values())
    host.check(f"round {round}: each offset is an old or a new one", offsets <= {common, common + AHEAD},
               offsets=sorted(offsets))
    with host.exporter(*corrector.flags, sweep=0.5) as exporter:
        found = exporter.metrics().value("kvm_tsc_corrections_interrupted_total")
        unfinished = [event for event in corrector.run("log", "--limit", 1000)[1]
                      if event["what"] == "interrupted"]
        host.check(f"round {round}: the audit names each that was left", len(unfinished) >= found,
                   found=found, states=[event["details"]["verdict"] for event in unfinished])
        return int(found)


def skewed_vm(exporter, vmm):
    metrics = exporter.metrics_when(lambda seen: any(
        seen.skews(vm).get(2, 0) > 0 for vm in seen.vms_of(vmm.pid)))
    [vm] = metrics.vms_of(vmm.pid)
    return vm
