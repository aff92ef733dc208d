#!/usr/bin/env python3
"""The service beside a real libvirt, whose QEMUs run as it starts them: user, seccomp, namespace and all.

    libvirt.py SERVICE KVM-TSC

Its domains have names with spaces and commas. They are read, attached to and corrected, suspended, resumed,
given a vCPU, destroyed while a correction is at work, and after each QEMU is well. On a KVM that ignores
offsets the verdict is not_applied, on any other corrected; which it is, debugfs says.
Status 77 where the machine lacks something.
"""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading

import own_libvirt
from demo_service import DemoService, die_with_parent

PATIENCE = 30
DB, DB_UUID = "db 1, eu", "0b8f6a52-77c9-4c4b-8a0e-2f1d3c5b7e90"
WEB, WEB_UUID = "web=2, a, b", "5b0c8e2a-6c0f-4f57-9d0b-2f4f6f6f7a11"
DOOMED = "doomed, 3"
DOOMED_UUIDS = [f"9d2c7c1e-0c53-4e4e-8b9f-6a1d5f0e3c0{number}" for number in range(4)]
# Others' VMs on this host are no matter of this test.
CONFIG = """sweep:
  interval: 100ms
attach:
  mode: correct
  clock_interval: 1s
  include:
    - {match: uuid, pattern: '^(%s)$'}
correction:
  enabled: true
  per_vm_per_hour: 1000
  per_host_per_hour: 1000
""" % "|".join([DB_UUID, WEB_UUID, *DOOMED_UUIDS])
wait_until = DemoService.wait_until


@contextlib.contextmanager
def mounted_debugfs():
    """Its path: the usual one, or a mount of the test's own."""
    usual = pathlib.Path("/sys/kernel/debug")
    if (usual / "kvm").is_dir():
        yield usual
        return
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["mount", "-t", "debugfs", "debugfs", directory], check=True)
        try:
            yield pathlib.Path(directory)
        finally:
            subprocess.run(["umount", "-l", directory], check=False)


class UnixConnection(http.client.HTTPConnection):
    """HTTP through a unix socket, `host` being its path."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.host)


class Service:
    """kvm-tsc-exporter on a unix socket, kvm-tsc with it, and what both are held against."""

    def __init__(self, service, kvm_tsc, debugfs, directory):
        self._directory, self._kvm_tsc, self.debugfs = pathlib.Path(directory), kvm_tsc, debugfs
        self._socket, self._log = f"unix:{directory}/api.sock", self._directory / "log"
        (self._directory / "config.yml").write_text(CONFIG, encoding="ascii")
        self._command = [service, f"--config.file={directory}/config.yml", f"--path.debugfs={debugfs}",
                         f"--web.listen-address={self._socket}", f"--audit.path={directory}/audit.db"]
        self._process, self.misfits = None, 0

    def __enter__(self):
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(self._command, stderr=log, preexec_fn=die_with_parent)
        wait_until(lambda: "listening" in self.log(), "the service")
        return self

    def __exit__(self, kind, *_):
        self._process.terminate()
        self._process.wait()
        if kind is not None or self.misfits:
            print(self.log(), file=sys.stderr)

    def log(self):
        return self._log.read_text(encoding="utf-8")

    def is_well(self):
        return self._process.poll() is None and "level=error" not in self.log()

    def check(self, what, fits, detail=""):
        print(f"{'ok  ' if fits else 'FAIL'}  {what}", flush=True)
        if not fits:
            print(f"      {detail}", flush=True)
            self.misfits += 1

    def ask(self, *words):
        """(status, its JSON; its text where it is none)"""
        done = subprocess.run([self._kvm_tsc, f"--server={self._socket}", "--json", *words], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            return done.returncode, done.stdout + done.stderr

    def request(self, method, path, body=None):
        """(status, its JSON)"""
        with contextlib.closing(UnixConnection(str(self._directory / "api.sock"))) as connection:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.load(response)

    def correct(self, name):
        """(status, its JSON), also where an earlier write was accepted and ignored."""
        return self.ask("correct", name, "--shift", "1000", "--yes", "--reason", "test", "--allow", "protected_tsc")

    def show(self, name):
        """What the service says of that VM; {} where it knows none."""
        status, answer = self.ask("show", name)
        return answer if status == 0 else {}

    def offsets(self, name):
        """As debugfs itself has them."""
        vcpus = (self.debugfs / "kvm" / self.show(name)["directory"]).glob("vcpu*")
        return {int(vcpu.name[4:]): (vcpu / "tsc-offset").read_text(encoding="ascii").strip() for vcpu in vcpus}


def came_of(answer):
    """A correction's verdict, or why there is none."""
    return (answer.get("verdict") or answer.get("detail")) if isinstance(answer, dict) else answer


def read_as_libvirt_says(tests, libvirt, name, uuid, pid, vcpus):
    wait_until(lambda: tests.show(name).get("clock"), f"a clock of {name}")
    seen = tests.show(name)
    tests.check(f"{name}: name, uuid, pid, vmm and vCPUs",
                (seen["uuid"], seen["pid"], seen["vmm"], seen["vcpu_count"]) == (uuid, pid, "qemu", vcpus), seen)
    tests.check("  libvirt says the same", libvirt.virsh("domuuid", name) == uuid and
                int(re.search(r"CPU\(s\): +(\d+)", libvirt.virsh("dominfo", name))[1]) == vcpus)
    tests.check("  offsets are debugfs's", {vcpu["id"]: vcpu["offset"] for vcpu in seen["vcpus"]} ==
                tests.offsets(name), seen)
    tests.check("  its clock is read, its master clock known, its filters allow it",
                seen["clock_error"] is None and seen["master_clock"] is not None and
                {seen["seccomp"][what]["verdict"] for what in ("clock", "corrections")} == {"allowed"}, seen)


def sandboxed(tests, libvirt, name, pid):
    """That it is what libvirt makes, and no easier case."""
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    user = str(own_libvirt.USER)
    tests.check(f"{name}: user libvirt-qemu, no capabilities, no new privileges, seccomp",
                (status["Uid"].split(), int(status["CapEff"], 16), status["NoNewPrivs"], status["Seccomp"]) ==
                ([user] * 4, 0, "1", "2"), status)
    others = {libvirt.inside("readlink", "/proc/self/ns/mnt").stdout.strip(), os.readlink("/proc/self/ns/mnt")}
    tests.check("  and a mount namespace that is not libvirtd's", os.readlink(f"/proc/{pid}/ns/mnt") not in others)


def is_free(pid):
    """None of its threads is traced or stopped."""
    states = [task.read_text(encoding="ascii") for task in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
    return all("\nTracerPid:\t0\n" in state and not re.search(r"\nState:\t[tT]", state) for state in states)


def well(tests, libvirt, name, pid, state="running"):
    wait_until(lambda: is_free(pid), f"threads of {name} that nobody holds")
    answer = json.loads(libvirt.virsh("qemu-monitor-command", name, '{"execute": "query-status"}'))
    tests.check(f"  {name} is well: {state}, and its monitor answers",
                (libvirt.virsh("domstate", name), answer["return"]["status"]) == (state, state), answer)


def corrected(tests, libvirt, name, pid, state="running"):
    """A correction reaches every vCPU, and its verdict is what debugfs says."""
    before = tests.offsets(name)
    status, done = tests.correct(name)
    after = tests.offsets(name)
    takes = {vcpu: str(int(offset) + 1000) for vcpu, offset in before.items()}
    expected = {str(takes): (0, "corrected"), str(before): (1, "not_applied")}
    tests.check(f"{name}, {state}: a correction's verdict is {expected[str(after)][1]}, as debugfs has it",
                (status, came_of(done)) == expected[str(after)], (status, done))
    well(tests, libvirt, name, pid, state)


def suspended_and_resumed(tests, libvirt, pid):
    libvirt.virsh("suspend", DB)
    then = tests.show(DB)["clock"]["host_tsc"]
    wait_until(lambda: tests.show(DB)["clock"]["host_tsc"] != then, "another clock reading")
    tests.check("suspended: its clock is read on", tests.show(DB)["clock_error"] is None, tests.show(DB))
    corrected(tests, libvirt, DB, pid, "paused")
    libvirt.virsh("resume", DB)
    corrected(tests, libvirt, DB, pid)


def given_a_vcpu(tests, libvirt, pid):
    libvirt.virsh("setvcpus", DB, "3", "--live")
    wait_until(lambda: tests.show(DB)["vcpu_count"] == 3, "the third vCPU")
    read_as_libvirt_says(tests, libvirt, DB, DB_UUID, pid, 3)
    corrected(tests, libvirt, DB, pid)


def destroyed_meanwhile(tests, libvirt, uuid):
    """One correction after the other, until the domain is destroyed in the middle; gives what came of them."""
    pid = libvirt.create(DOOMED, uuid, 2, 2)
    wait_until(lambda: tests.show(DOOMED).get("clock"), "a clock of the doomed")
    answers = []

    def correct():
        body = {"goal": "shift", "ticks": "1000", "allow": ["protected_tsc"], "reason": "test"}
        while not answers or answers[-1][0] != 404:
            answers.append(tests.request("POST", f"/api/v1/vms/{uuid}/corrections", body))

    corrector = threading.Thread(target=correct, daemon=True)
    corrector.start()
    wait_until(lambda: any(status == 202 for status, _ in answers), "a first correction")
    libvirt.virsh("destroy", DOOMED)
    corrector.join(PATIENCE)
    ids = [answer["id"] for status, answer in answers if status == 202]
    wait_until(lambda: all(correction(tests, one)["state"] == "done" for one in ids), "the end of all corrections")
    ended = [correction(tests, one) for one in ids]
    tests.check(f"destroyed while attached to: {len(ended)} corrections, each with a verdict; the service is well",
                not corrector.is_alive() and not pathlib.Path(f"/proc/{pid}").exists() and tests.is_well() and
                all(one["verdict"] for one in ended) and all(status < 500 for status, _ in answers), (ended, answers))
    said = [f"{one['verdict']}: {one['error']['message']}" if one["error"] else one["verdict"] for one in ended]
    return collections.Counter(said + [answer["detail"] for status, answer in answers if status != 202])


def correction(tests, one):
    return tests.request("GET", f"/api/v1/corrections/{one}")[1]


def main(service, kvm_tsc):
    lacking = own_libvirt.missing()
    if lacking:
        print("skipped: missing " + ", ".join(lacking))
        return 77
    device = os.stat("/dev/kvm")
    with contextlib.ExitStack() as stack:
        debugfs = stack.enter_context(mounted_debugfs())
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="kvm-tsc-libvirt-"))
        libvirt = stack.enter_context(own_libvirt.OwnLibvirt())
        tests = stack.enter_context(Service(service, kvm_tsc, debugfs, directory))
        db, web = libvirt.create(DB, DB_UUID, 2, 3), libvirt.create(WEB, WEB_UUID, 1, 1)
        for name, uuid, pid, vcpus in ((DB, DB_UUID, db, 2), (WEB, WEB_UUID, web, 1)):
            sandboxed(tests, libvirt, name, pid)
            read_as_libvirt_says(tests, libvirt, name, uuid, pid, vcpus)
            corrected(tests, libvirt, name, pid)
        suspended_and_resumed(tests, libvirt, db)
        given_a_vcpu(tests, libvirt, db)
        for uuid in DOOMED_UUIDS:
            for what, times in sorted(destroyed_meanwhile(tests, libvirt, uuid).items()):
                print(f"      {times:4} {what}")
        well(tests, libvirt, DB, db)
        well(tests, libvirt, WEB, web)
        libvirt.virsh("destroy", DB)
        wait_until(lambda: tests.show(DB) == {}, "the end of a destroyed domain")
        tests.check("a destroyed domain is gone, and the service logged no error", tests.is_well(), tests.log())
        libvirt.end()
        tests.check("no process is left", not any(pathlib.Path(f"/proc/{pid}").exists() for pid in (db, web)))
        tests.check("the host's /dev/kvm is as it was", os.stat("/dev/kvm") == device)
        return 1 if tests.misfits else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
