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


class SkewGuest:
    """`qemu`: the running VMM. Two vCPUs, both always in guest code."""

    def __init__(self, qemu, memory):
        self.qemu = qemu
        self._memory = memory
        self._questions = 0

    def skew(self):
        """Interval in ticks in which vCPU 1's TSC less vCPU 0's lies, by their own RDTSCs."""
        self._questions += 1
        struct.pack_into("<I", self._memory, PAGE, self._questions)
        deadline = time.monotonic() + ANSWER_SECONDS
        while struct.unpack_from("<I", self._memory, PAGE + 4) != (self._questions,):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the guest did not answer within {ANSWER_SECONDS} s")
            time.sleep(0.01)
        return Interval(*struct.unpack_from("<qq", self._memory, PAGE + 8))


@contextlib.contextmanager
def running(host, name):
    """Ready when the guest has answered its first question."""
    path = os.path.join(host.scratch, f"{name}.ram")
    with host.qemu("-name", f"guest={name}", "-kernel", os.path.join(host.bin, "skew_guest"),
                   "-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={path},share=on",
                   "-machine", "memory-backend=ram", vcpus=2) as qemu, \
            open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        guest = SkewGuest(qemu, memory)
        guest.skew()
        yield guest
