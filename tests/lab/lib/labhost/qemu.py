"""Qemu: a real qemu-system-x86_64 under KVM, with no guest but its firmware."""

import json
import os
import shutil
import socket
import time

from labhost.program import Program

START_SECONDS = 60


class Qemu(Program):
    """Ready when its monitor answers; from then on its vCPUs exist."""

    def __init__(self, scratch, flags, vcpus):
        self._monitor_path = os.path.join(scratch, f"qmp-{time.monotonic_ns()}")
        super().__init__([
            shutil.which("qemu-system-x86_64") or "qemu-system-x86_64",
            "-accel", "kvm", "-cpu", "qemu64", "-smp", str(vcpus), "-m", "64",
            "-nodefaults", "-display", "none",
            "-qmp", f"unix:{self._monitor_path},server=on,wait=off", *flags])
        self._monitor = self._connect()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        """What the monitor returns; events that come in between are dropped."""
        self._monitor.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._monitor.flush()
        for line in self._monitor:
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"qemu {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError(f"qemu closed its monitor at {name}")

    def _connect(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.ensure_running()
            end = socket.socket(socket.AF_UNIX)
            try:
                end.connect(self._monitor_path)
            except OSError:
                end.close()
                time.sleep(0.1)
                continue
            stream = end.makefile("rw", encoding="utf-8")
            stream.readline()  # the greeting
            return stream
        self.kill()
        raise TimeoutError(f"qemu did not start within {START_SECONDS} s")
