"""A real libvirt's domain, in libvirt's own sandbox: read, corrected where corrections take, and as documented."""

import os
import pathlib
import subprocess
import sys

from labhost import debugfs, documents
from labhost.corrector import Corrector

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "integration"))
import own_libvirt  # noqa: E402

DEADLINE = 300
SWEEP = 1.0
NAME, UUID = "db 1, eu", "0b8f6a52-77c9-4c4b-8a0e-2f1d3c5b7e90"
AHEAD = 3_000_000_019
# An offset is what it is; by how much they differ is this scenario's.
VARYING = ((r"-\d{1,3}(,\d{3}){2,}", "<OFFSET>"), (r"unix:/\S+", "<SOCKET>"), (r"(?m)^ \d+ +(?=db 1, eu)", ""))


def run(host):
    if not host.check_equal("libvirt can run here", own_libvirt.missing(), []):
        return
    corrector = Corrector(host)
    with own_libvirt.OwnLibvirt() as libvirt, host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        pid = libvirt.create(NAME, UUID, 2, 3)
        seen = known(exporter, 2)
        host.check_equal("named, with its uuid, vmm and pid",
                         seen.value("kvm_tsc_vm_info", vm=NAME, uuid=UUID, vmm="qemu", pid=str(pid)), 1.0)
        host.check_equal("offsets equal debugfs", seen.offsets(NAME), offsets(pid))
        set_apart(host, exporter, pid)

        def played(command):
            known(exporter, 2)  # a clock reading that was late, on an emulated host, is made up for
            return libvirt.inside("bash", "-c", command).stdout if command.startswith("virsh") \
                else corrector.shell(command)

        documents.check_transcripts(host, "docs/libvirt.md", played, VARYING)
        host.check_equal("after which debugfs has one offset", len(set(offsets(pid).values())), 1)
        master_clock_comes_back(host, exporter, corrector, pid)

        libvirt.virsh("suspend", NAME)
        corrected(host, corrector, pid, "suspended")
        libvirt.virsh("resume", NAME)
        libvirt.virsh("setvcpus", NAME, "3", "--live")
        known(exporter, 3)
        corrected(host, corrector, pid, "with a vCPU more")
        host.check_equal("libvirt finds it running", libvirt.virsh("domstate", NAME), "running")
        libvirt.virsh("destroy", NAME)
        gone = exporter.metrics_when(lambda now: not now.vms_of(pid))
        host.check_equal("destroyed, it is forgotten", gone.vms_of(pid), [])
        host.check_equal("the service logs no error", exporter.errors(), [])


def known(exporter, vcpus):
    return exporter.metrics_when(lambda seen: len(seen.skews(NAME)) == vcpus and
                                 seen.master_clock(NAME) is not None)


def set_apart(host, exporter, pid):
    """vCPU 0, by a program that is not the service; the firmware has put the other to sleep for good."""
    written = subprocess.run([os.path.join(host.bin, "offset-writer"), str(pid), "0", str(offsets(pid)[0] + AHEAD)],
                             stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    host.check_equal("another program sets one vCPU apart", written.returncode, 0, error=written.stderr)
    exporter.metrics_when(lambda seen: any(seen.skews(NAME).values()) and seen.master_clock(NAME) == 0)


def master_clock_comes_back(host, exporter, corrector, pid):
    """Also where the vCPU that happened to be written last sleeps: several times, for it is chance."""
    for _ in range(3):
        set_apart(host, exporter, pid)
        status, done = corrector.run("correct", NAME, "--yes")
        host.check_equal("corrected, and the master clock is back though a vCPU sleeps",
                         (status, done.get("verdict"), done.get("facts", {}).get("master_clock")),
                         (0, "corrected", True), error=done.get("error"))


def offsets(pid):
    [directory] = debugfs.directories_of(pid)
    return debugfs.offsets(directory)


def corrected(host, corrector, pid, when):
    before = offsets(pid)
    status, done = corrector.run("correct", NAME, "--shift", 1000, "--yes")
    host.check_equal(f"{when}: corrected", (status, done.get("verdict"), offsets(pid)),
                     (0, "corrected", {vcpu: offset + 1000 for vcpu, offset in before.items()}),
                     error=done.get("error"))
