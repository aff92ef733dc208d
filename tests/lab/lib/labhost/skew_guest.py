"""SkewGuest: the guest of tests/qemu_guest in a real QEMU, asked for its vCPUs' skew through its memory."""

import contextlib
import mmap
import os
import struct
import time

from labhost.guest_view import Interval

MEMORY = "64M"
PAGE = 0x200000  # struct SkewPage of skew_guest.h
ANSWER_SECONDS = 30
MEASURE, START_OTHERS, ADJUST, EJECT = range(4)  # enum Order


class SkewGuest:
    """`qemu`: the running VMM. Its vCPUs are always in guest code."""

    def __init__(self, qemu, memory):
        self.qemu = qemu
        self._memory = memory
        self._questions = 0

    def skew(self, vcpu=1):
        """Interval in ticks in which that vCPU's TSC less vCPU 0's lies, by their own RDTSCs."""
        self._order(MEASURE, vcpu)
        return Interval(*struct.unpack_from("<qq", self._memory, PAGE + 8))

    def start_others(self):
        """Brings up what was plugged in, as an OS does."""
        self._order(START_OTHERS)

    def adjust(self, vcpu, ticks):
        """The vCPU adds ticks to its IA32_TSC_ADJUST."""
        self._order(ADJUST, vcpu, ticks)

    def eject(self, vcpu):
        """Takes a vCPU out, as an OS does at the end of a hot-unplug."""
        self._order(EJECT, vcpu)

    def _order(self, order, vcpu=1, ticks=0):
        self._questions += 1
        struct.pack_into("<IIq", self._memory, PAGE + 24, order, vcpu, ticks)
        struct.pack_into("<I", self._memory, PAGE, self._questions)
        deadline = time.monotonic() + ANSWER_SECONDS
        while struct.unpack_from("<I", self._memory, PAGE + 4) != (self._questions,):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the guest did not answer within {ANSWER_SECONDS} s")
            time.sleep(0.01)


@contextlib.contextmanager
def running(host, name):
    """A guest of two vCPUs. Ready when it has answered its first question."""
    with started(host, name, vcpus=2) as guest:
        guest.skew()
        yield guest


@contextlib.contextmanager
def started(host, name, *flags, vcpus, cpu="qemu64"):
    """Ready when QEMU is; the guest may not run yet (-S)."""
    path = os.path.join(host.scratch, f"{name}.ram")
    with host.qemu("-name", f"guest={name}", "-kernel", os.path.join(host.bin, "skew_guest"),
                   "-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={path},share=on",
                   "-machine", "memory-backend=ram", "-cpu", cpu, *flags, vcpus=vcpus) as qemu, \
            open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        yield SkewGuest(qemu, memory)
