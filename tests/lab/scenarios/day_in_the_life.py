"""A day in the life of a real QEMU: after each thing that happens to a VM the service and the guest say the same."""

import os
import subprocess
import time

from labhost import debugfs, documents, skew_guest
from labhost.corrector import Corrector
from labhost.day import Day

DEADLINE = 300
SWEEP = 1.0
AHEAD = 3_000_000_019
AHEAD_SECONDS = (0.5, 3)  # what that is, whatever the emulated TSC's frequency
PAUSE = 3
ALL = {0: 0, 1: 0, 2: 0}
LONG = 1e6


def run(host):
    corrector = Corrector(host)
    with skew_guest.started(host, "web-1", "-S", vcpus="1,sockets=3,maxcpus=3", cpu="qemu64,+tsc-adjust") as guest, \
            host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        day = Day(host, exporter, corrector, "web-1", guest)
        morning(day, guest)
        apart_and_corrected(host, day, corrector, guest)
        paused_and_reset(day, guest)
        written_by_the_guest(day, corrector, guest)
        saved_and_loaded(host, day, guest)
        unplugged(host, day, corrector, guest)
        host.check_equal("QEMU is well", guest.qemu.command("query-status")["running"], True)
        guest.qemu.command("quit")
        gone = exporter.metrics_when(lambda seen: not seen.with_vm())
        host.check_equal("ended: no series is left", gone.with_vm(), {})
        host.check_equal("the service logs no error", exporter.errors(), [])
        documents.check_table(host, "docs/what-you-see.md", day.table)


def morning(day, guest):
    day.after("created, paused (-S)", skews={0: 0}, steps={0: 0}, master_clock="not known")
    guest.qemu.command("cont")
    # QEMU sets kvmclock back to where it stood; the TSC has gone on.
    day.after("started", skews={0: 0}, steps={0: 0}, moved=(0.5, LONG),
              means="ahead by the time it was paused")
    plug(guest, 1)
    day.after("a second vCPU is plugged in, and not brought up by the guest", skews={0: 0, 1: 0}, steps={0: 0, 1: 0})
    guest.start_others()
    day.after("the guest has brought it up", skews={0: 0, 1: 0}, steps={0: 0, 1: 0}, guest=[1])


def apart_and_corrected(host, day, corrector, guest):
    set_apart(host, guest, 1)
    day.after("vCPU 1 is set ahead by another program", skews={0: 0, 1: AHEAD}, steps={0: 0, 1: 1},
              master_clock="no", guest=[1])
    correct(day, corrector)
    day.after("corrected: all to the vCPU that is ahead", skews={0: 0, 1: 0}, steps={0: 1, 1: 0},
              moved=AHEAD_SECONDS, means="ahead by the step", guest=[1])
    plug(guest, 2)
    guest.start_others()
    day.after("a third vCPU is plugged in, after the correction", skews=ALL, steps=ALL, guest=[1, 2])


def paused_and_reset(day, guest):
    guest.qemu.command("stop")
    time.sleep(PAUSE)  # what is shown is the length of the pause
    guest.qemu.command("cont")
    day.after("stop, a pause, cont", skews=ALL, steps=ALL, moved=(PAUSE, 3 * PAUSE),
              means="ahead by the length of the pause", guest=[1, 2])
    guest.qemu.command("system_reset")
    # The TSCs begin at 0 anew. A sweep may fall between what QEMU writes.
    day.after("system_reset", skews=ALL, steps=dict.fromkeys(ALL, (1, 2)), moved=(-LONG, -1),
              means="behind by as long as the guest had run", guest=[1, 2])


def written_by_the_guest(day, corrector, guest):
    guest.adjust(1, AHEAD)
    # KVM counts no write for it: the master clock stays.
    day.after("the guest adds to vCPU 1's IA32_TSC_ADJUST", skews={0: 0, 1: AHEAD, 2: 0},
              steps={0: (0, 1), 1: (1, 2), 2: (0, 1)}, moved=None, guest=[1, 2])
    correct(day, corrector)
    day.after("corrected", skews=ALL, steps={0: 1, 1: 0, 2: 1}, moved=AHEAD_SECONDS,
              means="ahead by the step", guest=[1, 2])
    status, undone = corrector.run("undo", "--yes", "--allow", "backwards", "--allow", "large_step")
    day.host.check("kvm-tsc undo", status == 0, answer=undone)
    # As it was before, but by writes that KVM counts.
    day.after("undone", skews={0: 0, 1: AHEAD, 2: 0}, steps={0: 1, 1: 0, 2: 1}, master_clock="no",
              moved=(-AHEAD_SECONDS[1], -AHEAD_SECONDS[0]), means="back by the step", guest=[1, 2])
    correct(day, corrector)
    day.after("corrected again", skews=ALL, steps={0: 1, 1: 0, 2: 1}, moved=AHEAD_SECONDS,
              means="ahead by the step", guest=[1, 2])


def saved_and_loaded(host, day, guest):
    make_disk(host, guest.qemu)
    snapshot(host, guest.qemu, "snapshot-save")
    day.after("a snapshot is saved", skews=ALL, steps=dict.fromkeys(ALL, (0, 1)), moved=None, guest=[1, 2])
    snapshot(host, guest.qemu, "snapshot-load")
    day.after("and loaded", skews=ALL, steps=dict.fromkeys(ALL, (1, 2)), moved=None, guest=[1, 2])


def unplugged(host, day, corrector, guest):
    set_apart(host, guest, 2)
    day.after("vCPU 2 is set ahead by another program", skews={0: 0, 1: 0, 2: AHEAD}, steps={0: 0, 1: 0, 2: 1},
              master_clock="no", guest=[1, 2])
    guest.eject(2)
    host.check_equal("QEMU has two vCPUs left", len(guest.qemu.command("query-cpus-fast")), 2)
    day.after("it is unplugged; KVM keeps it, and counts it", skews={0: 0, 1: 0, 2: AHEAD}, steps=ALL,
              master_clock="no", guest=[1])
    correct(day, corrector)
    day.after("corrected, the vCPU without a thread too", skews=ALL, steps={0: 1, 1: 1, 2: 0}, moved=AHEAD_SECONDS,
              means="ahead by the step", guest=[1])


def plug(guest, socket):
    guest.qemu.command("device_add", driver="qemu64-x86_64-cpu", id=f"cpu-{socket}", **{
        "socket-id": socket, "core-id": 0, "thread-id": 0})


def set_apart(host, guest, vcpu):
    [directory] = debugfs.directories_of(guest.qemu.pid)
    done = subprocess.run([os.path.join(host.bin, "offset-writer"), str(guest.qemu.pid), str(vcpu),
                           str(debugfs.offsets(directory)[vcpu] + AHEAD)], stderr=subprocess.PIPE, text=True,
                          timeout=30, check=False)
    host.check_equal("another program sets one vCPU apart", done.returncode, 0, error=done.stderr)


def correct(day, corrector):
    status, done = corrector.run("correct", "web-1", "--yes")
    day.host.check("kvm-tsc correct: corrected", status == 0 and done.get("verdict") == "corrected",
                   error=done.get("error"), answer=None if status == 0 else done)


def make_disk(host, qemu):
    path, size = os.path.join(host.scratch, "disk"), 1 << 20
    run_job(host, qemu, "blockdev-create", options={"driver": "file", "filename": path, "size": 0})
    qemu.command("blockdev-add", **{"driver": "file", "filename": path, "node-name": "file"})
    run_job(host, qemu, "blockdev-create", options={"driver": "qcow2", "file": "file", "size": size})
    qemu.command("blockdev-add", **{"driver": "qcow2", "file": "file", "node-name": "disk"})


def snapshot(host, qemu, name):
    run_job(host, qemu, name, tag="noon", vmstate="disk", devices=["disk"])


def run_job(host, qemu, name, **arguments):
    qemu.command(name, **{"job-id": "job", **arguments})
    found = lambda: [one for one in qemu.command("query-jobs") if one["status"] == "concluded"]
    ended = host.wait_until(found, seconds=40)
    host.check_equal(f"QEMU: {name}", [one.get("error") for one in ended], [None])
    qemu.command("job-dismiss", id="job")
