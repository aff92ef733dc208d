"""Host: a scenario's view of the lab host it runs in."""

import json
import os
import time

from labhost.exporter import Exporter
from labhost.micro_vmm import MicroVmm
from labhost.qemu import Qemu


class Host:
    """name: "a" or "b". address, peer: on the wire, None without one. scratch: an empty directory of
    this scenario's own. bin: where the product's programs are. kernel: the host's own, as an ELF file."""

    def __init__(self, request, port, scratch):
        self.name = request["host"]
        self.address = request.get("address")
        self.peer = request.get("peer")
        self.bin = request["bin"]
        self.kernel = request["kernel"]
        self.scratch = scratch
        self._port = port

    def check(self, name, ok, **detail):
        """Reports one check; `detail` says what was seen. Returns ok."""
        self._send({"check": name, "ok": bool(ok), "detail": detail})
        return bool(ok)

    def check_equal(self, name, seen, expected, **detail):
        """A check that shows both sides where they differ."""
        if seen != expected:
            detail = {"seen": repr(seen), "expected": repr(expected), **detail}
        return self.check(name, seen == expected, **detail)

    def wait_until(self, condition, seconds=20, pause=0.1):
        """The first true value of condition(), or its last false one once `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value or time.monotonic() > deadline:
                return value
            time.sleep(pause)

    def barrier(self, name):
        """Returns when both hosts of the scenario have come to the barrier of this name."""
        self._send({"event": "barrier", "name": name})
        answer = b""
        while not answer.endswith(b"\n"):
            answer += os.read(self._port, 1)
        if json.loads(answer).get("go") != name:
            raise RuntimeError(f"barrier {name}: unexpected {answer!r}")

    # The programs; each is a context manager that leaves nothing running.

    def exporter(self, *flags, sweep=0.5):
        """The service under test."""
        return Exporter(self.bin, self.scratch, flags, sweep)

    def micro_vmm(self, *flags):
        """The project's VMM on the raw KVM interface; its guests can be asked what they see."""
        return MicroVmm(self.bin, flags)

    def qemu(self, *flags, vcpus=2):
        """A real qemu-system-x86_64 under KVM."""
        return Qemu(self.scratch, flags, vcpus)

    def _send(self, message):
        os.write(self._port, json.dumps(message).encode() + b"\n")
