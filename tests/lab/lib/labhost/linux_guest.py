"""LinuxGuest: the lab host's own stock kernel as a guest in a real QEMU, with a shell on its serial line."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

# In an emulated host a Linux guest is a frail thing: where it is kept busy (a process a tenth of a second) one
# of four is dead within 40 s, with or without a service beside it, of exceptions while it enters its kernel. So
# what it is asked is few things, and answered without processes where that can be.
#
# KVM's paravirtual end-of-interrupt, asynchronous page faults and stolen time are left out: with them a
# Linux in this emulated host ends, 12 times of 13, waiting for a lock that it holds itself (a timer's
# interrupt comes while one is being handled). Without them it came up 8 times of 8.
CPU = "qemu64,-svm,+tsc-deadline,+x2apic,+kvmclock,kvm-asyncpf=off,kvm-pv-eoi=off,kvm-steal-time=off"
PARAMETERS = "console=ttyS0 quiet nokaslr mitigations=off panic=-1"
BOOT_SECONDS = 90
ANSWER_SECONDS = 30
DONE = "the command has ended"
INIT = f"""#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox stty -echo
/bin/busybox --install -s /bin
export PATH=/bin
echo {DONE}
while read -r command; do eval "$command"; echo {DONE}; done
"""


class GuestDied(Exception):
    """It answers no longer; with its last words."""


class LinuxGuest:
    """`qemu`: the running VMM. Its one vCPU halts when the guest has nothing to do."""

    def __init__(self, qemu, serial):
        self.qemu = qemu
        self._serial = serial
        self._said = b""
        self._latest = 0.0
        self.went_back = False  # whether its clock was ever behind an earlier answer of ahead()

    def run(self, command):
        """What a shell command prints in the guest."""
        self._serial.sendall(command.encode() + b"\n")
        return self.hear(ANSWER_SECONDS)

    def clocksource(self):
        return self.run("cat /sys/devices/system/clocksource/clocksource0/current_clocksource")

    def ahead(self):
        """Its clock less the host's, in seconds, from any beginning; some hundredths are the answer's way."""
        before = time.monotonic()
        uptime = float(self.run("read uptime idle </proc/uptime; echo $uptime"))
        self.went_back = self.went_back or uptime < self._latest
        self._latest = uptime
        return uptime - (before + time.monotonic()) / 2

    @property
    def last_words(self):
        return self._said[-2000:].decode(errors="replace")

    def hear(self, seconds):
        """All that it says up to the end of a command."""
        mark, deadline = DONE.encode(), time.monotonic() + seconds
        while mark not in self._said:
            self._serial.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                piece = self._serial.recv(65536)
            except (TimeoutError, ConnectionResetError):  # the latter where QEMU has ended
                piece = b""
            if not piece:
                raise GuestDied(self.last_words)
            self._said += piece
        said, _, self._said = self._said.partition(mark)
        return said.decode(errors="replace").replace("\r", "").strip()


@contextlib.contextmanager
def running(host, name, parameters=""):
    """Ready when its shell is. `parameters`: more of them for its kernel."""
    path = os.path.join(host.scratch, f"{name}.serial")
    with host.qemu("-name", f"guest={name}", "-machine", "q35", "-cpu", CPU, "-m", "256", "-no-reboot",
                   "-kernel", host.kernel, "-initrd", initramfs(host), "-append", f"{PARAMETERS} {parameters}",
                   "-serial", f"unix:{path},server=on,wait=off", vcpus=1) as qemu, \
            socket.socket(socket.AF_UNIX) as serial:
        serial.connect(path)
        guest = LinuxGuest(qemu, serial)
        guest.hear(BOOT_SECONDS)
        try:
            yield guest
        except (OSError, ValueError) as error:  # what is asked of a process that has ended
            if qemu.process.poll() is None:
                raise
            raise GuestDied(guest.last_words) from error


def initramfs(host):
    """The path of one with a busybox and INIT."""
    root, path = os.path.join(host.scratch, "guest-root"), os.path.join(host.scratch, "guest-initrd")
    for folder in ("bin", "dev", "proc", "sys"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
    with open(os.path.join(root, "init"), "w", encoding="ascii") as init:
        init.write(INIT)
    os.chmod(os.path.join(root, "init"), 0o755)
    files = "bin\nbin/busybox\ndev\nproc\nsys\ninit\n"
    with open(path, "wb") as archive:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=files.encode(), stdout=archive, cwd=root,
                       check=True, timeout=30)
    return path
