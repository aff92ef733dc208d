"""The demo as a service under test: kvm-tsc-exporter --demo on a free loopback port.

It is shown a host whose clocksource is tsc and which has no VMs of its own, so that it says the same
wherever the tests run.
"""

import ctypes
import http.client
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time

PATIENCE = 15
PR_SET_PDEATHSIG = 1


def die_with_parent(by=signal.SIGTERM):
    """In the child: a test that is killed leaves no service behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, by)


class DemoService:
    """`with DemoService(program) as demo:` gives it ready, its first sweep done; ends it after."""

    def __init__(self, program, *flags, log=subprocess.DEVNULL):
        self._directory = tempfile.TemporaryDirectory(prefix="kvm-tsc-demo-")
        root = pathlib.Path(self._directory.name)
        self.sysfs, self.debugfs = root / "sys", root / "debugfs"
        clocksource = self.sysfs / "devices/system/clocksource/clocksource0"
        clocksource.mkdir(parents=True)
        (clocksource / "current_clocksource").write_text("tsc\n", encoding="ascii")
        (self.debugfs / "kvm").mkdir(parents=True)
        self._command = [program, "--demo", "--sweep.interval=1s", "--attach.clock-interval=1s",
                         "--web.listen-address=127.0.0.1:0", f"--path.sysfs={self.sysfs}",
                         f"--path.debugfs={self.debugfs}", *flags]
        self._log = log
        self._process = None
        self.address = self.token = None

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True,
                                         stderr=self._log, preexec_fn=die_with_parent)
        for line in self._process.stdout:
            found = re.search(r"KVM_TSC_SERVER=http://(\S+) KVM_TSC_TOKEN=(\S+)", line)
            if found:
                self.address, self.token = found[1], found[2]
                self.wait_until(lambda: self.get("/-/ready")[0] == 200, "the first sweep")
                return self
        status = self._process.wait()
        self._directory.cleanup()
        raise RuntimeError(f"the demo ended with {status}")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._directory.cleanup()

    def ask(self, method, path, body=None, token=None, headers=()):
        """(status, body); with a body, which becomes JSON, or a token as who has it."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection(self.address, timeout=10)
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **given, **dict(headers)})
        response = connection.getresponse()
        answer = response.read().decode()
        connection.close()
        return response.status, answer

    def get(self, path):
        """(status, body)."""
        return self.ask("GET", path)

    def post(self, path, body, token=None, **headers):
        """(status, JSON), as who has the demo's token or another."""
        status, answer = self.ask("POST", path, body, token or self.token, headers.items())
        return status, json.loads(answer)

    def metric(self, name, **labels):
        """The value of one sample of /metrics; None where there is none."""
        wanted = ",".join(f'{label}="{value}"' for label, value in labels.items())
        sample = f"{name}{{{wanted}}} " if labels else f"{name} "
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(sample):
                return float(line.removeprefix(sample))
        return None

    def get_json(self, path):
        return json.loads(self.get(path)[1])

    @staticmethod
    def wait_until(condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come about within {PATIENCE} s")
            time.sleep(0.1)
