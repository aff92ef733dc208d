"""A VM under live migration is not corrected; once it has arrived it is."""

import time

from labhost import debugfs
from labhost.corrector import Corrector

HOSTS = 2
DEADLINE = 180
PORT = 4444
NAME = ("-name", "guest=web-1,debug-threads=on")  # as libvirt starts QEMU
SLOW, FAST = 20_000, 100_000_000  # bytes a second; the firmware's memory takes 10 s and more at SLOW
AHEAD = 3_000_000_019
VCPUS = 2
TRIES = 4
SWEEP = 1.0


def run(host):
    (source if host.name == "a" else destination)(host, Corrector(host))


def source(host, corrector):
    with host.qemu(*NAME, vcpus=VCPUS) as qemu, host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        exporter.metrics_when(lambda seen: len(seen.skews("web-1")) == VCPUS)
        [directory] = debugfs.directories_of(qemu.pid)
        before = debugfs.offsets(directory)
        wanted = ("--set", before[0] + AHEAD)
        host.check_equal("nothing speaks against a correction at first",
                         objections(corrector.run("plan", "web-1", *wanted)), [])
        host.barrier("listening")
        qemu.command("migrate-set-parameters", **{"max-bandwidth": SLOW})
        qemu.command("migrate", uri=f"tcp:{host.peer}:{PORT}")
        began = time.monotonic()
        host.wait_until(lambda: status(qemu) == "active")
        refused(host, corrector, "under migration, the plan says so", wanted, directory, before)
        host.check_equal("the migration was under way all the while", status(qemu), "active",
                         seconds=round(time.monotonic() - began, 1))
        host.barrier("refused on both sides")
        qemu.command("migrate-set-parameters", **{"max-bandwidth": FAST})
        host.wait_until(lambda: status(qemu) not in ("active", "device", "pre-switchover"), seconds=60)
        host.check_equal("the migration completes", status(qemu), "completed")
        host.barrier("arrived")
        host.check_equal("the service logs no error", exporter.errors(), [])


def refused(host, corrector, when, wanted, directory, before):
    """Plan and correction name the migration, and the offsets stay what they were."""
    host.check_equal(when, objections(corrector.run("plan", "web-1", *wanted)), ["migrating"])
    code, answer = corrector.run("correct", "web-1", *wanted, "--yes")
    host.check("a correction is refused for it", (code, answer.get("status")) == (1, 422)
               and "migrating" in str(answer), detail=answer.get("detail", answer))
    host.check_equal("and nothing is written", debugfs.offsets(directory), before)


def destination(host, corrector):
    with host.qemu(*NAME, "-incoming", f"tcp:{host.address}:{PORT}", vcpus=VCPUS) as qemu, \
            host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        exporter.metrics_when(lambda seen: seen.vms_of(qemu.pid))
        [directory] = debugfs.directories_of(qemu.pid)
        host.barrier("listening")
        host.wait_until(lambda: status(qemu) == "active")
        before = debugfs.offsets(directory)
        wanted = ("--set", before[0] + AHEAD)
        refused(host, corrector, "while it arrives, the plan says so", wanted, directory, before)
        host.barrier("refused on both sides")
        host.barrier("arrived")
        host.wait_until(lambda: qemu.command("query-status")["running"])
        metrics = exporter.metrics_when(lambda seen: len(seen.skews("web-1")) == VCPUS
                                        and seen.offsets("web-1") == debugfs.offsets(directory))
        offsets = debugfs.offsets(directory)
        host.check_equal("it runs here, and is read", metrics.offsets("web-1"), offsets, offsets=offsets)
        code, done, tries = patiently(corrector, max(offsets.values()) + AHEAD)
        host.check_equal("and corrected", (code, done.get("verdict")), (0, "corrected"), tries=tries,
                         error=done.get("error"))
        host.check_equal("debugfs agrees", set(debugfs.offsets(directory).values()),
                         {max(offsets.values()) + AHEAD})
        host.check_equal("the VM is well", qemu.command("query-status")["running"], True)
        host.check_equal("the service logs no error", exporter.errors(), [])


def patiently(corrector, offset):
    """Two emulated hosts on a busy machine may not let a thread stop within the 100 ms of a hold."""
    for tries in range(1, TRIES + 1):
        code, done = corrector.run("correct", "web-1", "--set", offset, "--yes")
        if code == 0:
            break
        time.sleep(2 * SWEEP)  # a plan wants two that agree on what was left
    return code, done, tries


def objections(planned):
    return [one["objection"] for one in planned[1].get("objections", [planned[1]])]


def status(qemu):
    return qemu.command("query-migrate").get("status")
