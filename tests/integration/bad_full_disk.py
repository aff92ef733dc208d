"""The audit's disk is full: nothing is done unrecorded, everything else goes on, and it is over when it is over."""

import contextlib
import os
import pathlib
import subprocess
import tempfile

from bad_moments import MOVING, asked_everywhere, looks_as_before, moments
from kvm_tsc import VM

NEARLY = 64 << 10  # enough for SQLite, too little for a correction


def missing(_):
    return "" if os.geteuid() == 0 else "not root, so no file system of its own can be made"


@contextlib.contextmanager
def small_disk():
    with tempfile.TemporaryDirectory(prefix="kvm-tsc-disk-") as path:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path], check=True)
        try:
            yield pathlib.Path(path)
        finally:
            subprocess.run(["umount", "-l", path], check=True)


def fill(disk, leave=0):
    """Until that many bytes are left."""
    left = os.statvfs(disk)
    with open(disk / "filler", "ab") as filler:
        os.posix_fallocate(filler.fileno(), 0, max(left.f_bavail * left.f_frsize - leave, 1))


def refused(tests, disk, *words):
    """By kvm-tsc, with what is to be done, and nothing is written."""
    before, stack = tests.offsets(), tests.stack()
    done = tests.run(*words, "--yes")
    output = done.stdout + done.stderr
    tests.check(f"refused: {' '.join(words)}", done.returncode == 1 and "audit" in done.stderr and
                str(disk) in done.stderr and "make room" in done.stderr, output)
    tests.check("  nothing was written", tests.offsets() == before and tests.stack() == stack, tests.offsets())


def run(service, program, _):
    with small_disk() as disk:
        flag = f"--audit.path={disk}/audit.db"
        with moments(service, program, flag) as tests:
            becomes_full(tests, disk)
        fill(disk)
        with moments(service, program, flag) as later:
            starts_full(later, disk)
    return tests.misfits + later.misfits


def becomes_full(tests, disk):
    demo = tests.demo
    first = tests.corrected("correct", VM)
    tests.corrected("correct", VM, "--shift", "1000000")
    undone = tests.corrected("undo", "--allow", "backwards")
    planned = tests.planned(VM, "--shift", "5")
    moving = tests.planned(MOVING)
    nearly_full(tests, disk, planned)
    fill(disk)
    failures = demo.metric("kvm_tsc_audit_failures_total")
    for words in (("undo", first, "--allow", "backwards"), ("undo", undone), ("correct", VM),
                  ("correct", VM, "--plan", planned)):
        refused(tests, disk, *words)
    tests.check("it is known at once", demo.metric("kvm_tsc_audit_writable") == 0)
    tests.check("failures rise", demo.metric("kvm_tsc_audit_failures_total") > failures)
    tests.doctor(1, f"{disk}/audit.db")
    tests.says(0, "corrected", "log", "--limit", "20")
    asked_everywhere(tests, moving)
    os.unlink(disk / "filler")
    over(tests, first)


def starts_full(tests, disk):
    """A service that is started on a full disk does all but correct."""
    looks_as_before(tests)
    tests.check("it is known from the start", tests.demo.metric("kvm_tsc_audit_writable") == 0)
    refused(tests, disk, "correct", VM)
    os.unlink(disk / "filler")
    tests.corrected("correct", VM)


def nearly_full(tests, disk, planned):
    """What /metrics says is what is done, also where SQLite itself would still find room."""
    fill(disk, NEARLY)
    refused(tests, disk, "correct", VM, "--plan", planned)
    tests.check("and /metrics says so", tests.demo.metric("kvm_tsc_audit_writable") == 0)


def over(tests, first):
    """With room again the very same undo works, on the stack that there was."""
    tests.check("the stack is what it was", tests.stack() == [first], tests.stack())
    tests.corrected("undo", first, "--allow", "backwards")
    tests.check("and goes on from there", tests.stack() == [], tests.stack())
    tests.check("it can be written again", tests.demo.metric("kvm_tsc_audit_writable") == 1)
    tests.doctor(0, "can be written")
    tests.check("the log has the trouble once", len(tests.log("level=error", "audit")) == 1,
                tests.log("level=error"))
    tests.check("and its end once", len(tests.log("can be written again")) == 1, tests.log("written again"))
