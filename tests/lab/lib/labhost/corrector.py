"""Corrector: the service with corrections switched on, and kvm-tsc as an engineer would use it."""

import hashlib
import json
import os
import subprocess

TOKEN = "the-lab-token"


class Corrector:
    """`flags` start a service that corrects; `run` calls kvm-tsc against it over its unix socket."""

    def __init__(self, host):
        self._program = os.path.join(host.bin, "kvm-tsc")
        self._socket = os.path.join(host.scratch, "api.sock")
        web = os.path.join(host.scratch, "web.yml")
        with open(web, "w", encoding="utf-8") as file:
            # Who reads /metrics needs no token.
            file.write("kvm_tsc:\n  require_auth: false\n  tokens:\n    - name: lab\n      role: operator\n"
                       f"      sha256: {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
        self.flags = [f"--web.listen-address=unix:{self._socket}", f"--web.config.file={web}",
                      "--attach.mode=correct", "--attach.clock-interval=1s", "--correction.enabled",
                      "--correction.max-step=1h", "--correction.per-vm-per-hour=100",
                      "--correction.per-host-per-hour=100",
                      f"--audit.path={os.path.join(host.scratch, 'audit.db')}"]

    def run(self, *words):
        """(exit status, the answer as JSON; JSON lines as a list)"""
        done = self._call("--json", "--timeout", "60", *words)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, lines if words[0] == "log" else lines[0] if lines else None

    def text(self, *words):
        """What it prints for people."""
        return self._call(*words).stdout

    def shell(self, command):
        """What a line of bash prints on both streams. kvm-tsc is in its $PATH."""
        environment = self._environment()
        environment["PATH"] = f"{os.path.dirname(self._program)}:{environment['PATH']}"
        return subprocess.run(["bash", "-c", command], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=150,
                              check=False).stdout

    def _call(self, *words):
        return subprocess.run([self._program, *map(str, words)], env=self._environment(), stdout=subprocess.PIPE,
                              text=True, timeout=150, check=False)

    def _environment(self):
        return {**os.environ, "KVM_TSC_SERVER": f"unix:{self._socket}", "KVM_TSC_TOKEN": TOKEN}

    def audit(self, correction):
        """What the audit says became of a correction, word by word."""
        return [event["what"] for event in reversed(self.run("log", "--limit", 1000)[1])
                if event["correction"] == correction]
