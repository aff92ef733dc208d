"""A real QEMU's vCPU is set apart behind the service's back: alertable, planned, corrected; its guest agrees."""

import os
import subprocess

from labhost import debugfs, skew_guest
from labhost.corrector import Corrector

DEADLINE = 180
SWEEP = 1.0
AHEAD = 3_000_000_019


def run(host):
    corrector = Corrector(host)
    with skew_guest.running(host, "web-1") as guest, \
            host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        first = exporter.metrics_when(lambda seen: len(seen.skews("web-1")) == 2
                                      and seen.master_clock("web-1") == 1)
        host.check_equal("/metrics shows no skew and a master clock at first",
                         (set(first.skews("web-1").values()), first.master_clock("web-1")), ({0.0}, 1))
        skew = guest.skew()
        host.check("the guest's vCPUs agree in their own RDTSCs", 0 in skew, ticks=shown(skew))
        [directory] = debugfs.directories_of(guest.qemu.pid)
        common = debugfs.offsets(directory)[0]

        set_apart(host, guest, common)
        seen = exporter.metrics_when(
            lambda seen: seen.skews("web-1").get(1, 0) > 0 and seen.master_clock("web-1") == 0)
        host.check("the skew is on /metrics", abs(seen.skews("web-1")[1] / AHEAD - 1) < 1e-4,
                   ticks=seen.skews("web-1"))
        host.check_equal("so is the loss of the master clock", seen.master_clock("web-1"), 0)

        status, plan = corrector.run("plan", "web-1")
        host.check_equal("kvm-tsc plan: all to the vCPU that is ahead, nothing against it",
                         (status, [vcpu["then"] for vcpu in plan["vcpus"]], plan["objections"]),
                         (0, [str(common + AHEAD)] * 2, []))
        status, done = corrector.run("correct", "web-1", "--plan", plan["id"], "--yes")
        host.check_equal("kvm-tsc correct --yes: corrected", (status, done["verdict"]), (0, "corrected"),
                         error=done["error"])
        host.check_equal("all three facts hold",
                         [done["facts"][name] for name in ("read_back_equal", "offsets_equal", "master_clock")],
                         [True, True, True])
        skew = guest.skew()
        host.check("the guest's vCPUs agree again in their own RDTSCs", 0 in skew, ticks=shown(skew))
        host.check_equal("debugfs agrees", set(debugfs.offsets(directory).values()), {common + AHEAD})
        seen = exporter.metrics_when(
            lambda seen: set(seen.skews("web-1").values()) == {0.0} and seen.master_clock("web-1") == 1)
        host.check_equal("/metrics shows no skew and a master clock again",
                         (set(seen.skews("web-1").values()), seen.master_clock("web-1")), ({0.0}, 1))
        host.check_equal("the audit is complete", corrector.audit(done["id"]),
                         ["requested", "applying", "written", "finished"])
        host.check_equal("the service logs no error", exporter.errors(), [])
        host.check_equal("QEMU is well", guest.qemu.command("query-status")["running"], True)


def set_apart(host, guest, common):
    """vCPU 1 of the two, by a program that is not the service."""
    written = subprocess.run([os.path.join(host.bin, "offset-writer"), str(guest.qemu.pid), "1",
                              str(common + AHEAD)], stderr=subprocess.PIPE, text=True, timeout=30,
                             check=False)
    host.check_equal("another program sets one vCPU apart", written.returncode, 0, error=written.stderr)
    skew = guest.skew()
    host.check("the guest sees it in its own RDTSCs", AHEAD in skew, ticks=shown(skew))
    host.check("and can tell it from none", 0 not in skew)


def shown(skew):
    return [skew.low, skew.high]
