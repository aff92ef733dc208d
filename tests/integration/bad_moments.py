#!/usr/bin/env python3
"""What users of the API and of kvm-tsc see in a bad moment.

    bad_moments.py SERVICE KVM-TSC MICRO-VMM full_disk|load|ending

The same questions in each of three worlds: the audit's disk is full, the host is overloaded, a VM ends in the
middle. What is asked in all of them is here, what is asked in one alone is in bad_<world>.py.
Status 77 when the world cannot be made on this machine.
"""

import contextlib
import hashlib
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile

from demo_service import DemoService
from kvm_tsc import Tests, VM, wait_for_skew

MOVING = "sim-moving"
VIEWER = "a-viewer-of-the-demo"
OPERATOR = "an-operator-of-real-vms"
VERDICTS = ("corrected", "not_applied", "rolled_back", "uncertain")
WRONG_TOKENS = 8


class Moments(Tests):
    """Tests of a demo whose log is kept, with a viewer beside the demo's operator."""

    def __init__(self, demo, program, log):
        super().__init__(demo, program)
        self._log = log

    def log(self, *words):
        """The service's log lines that have all of these words."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if all(word in line for word in words)]

    def offsets(self, vm=VM):
        return [vcpu["offset"] for vcpu in self.demo.get_json(f"/api/v1/vms/{vm}")["vcpus"]]

    def stack(self):
        return [one["id"] for one in self.demo.get_json("/api/v1/corrections?stands=true")["corrections"]]

    def doctor(self, status, expected):
        """That kvm-tsc doctor, who is shown the demo's host, ends and says so."""
        return self.says(status, expected, "doctor", f"--path.sysfs={self.demo.sysfs}",
                         f"--path.debugfs={self.demo.debugfs}")

    def planned(self, *words):
        """The id of a plan that kvm-tsc makes."""
        done = self.run("--json", "plan", *words)
        self.check(f"planned {' '.join(words)}", done.returncode == 0, done.stdout + done.stderr)
        return json.loads(done.stdout).get("id", "")

    def corrected(self, *words):
        """The id of a correction that kvm-tsc makes."""
        done = self.run("--json", *words, "--yes")
        answer = json.loads(done.stdout or "{}")
        self.check(f"corrected by {' '.join(words)}",
                   done.returncode == 0 and answer.get("verdict") == "corrected", done.stdout + done.stderr)
        return answer.get("id", "")


@contextlib.contextmanager
def moments(service, program, *flags):
    """A demo that limits no corrections, and what is asked of it."""
    with tempfile.TemporaryDirectory(prefix="kvm-tsc-moments-") as directory:
        log, web = pathlib.Path(directory) / "log", pathlib.Path(directory) / "web.yml"
        web.write_text("kvm_tsc:\n  require_auth: false\n  tokens:\n" + "".join(
            f"    - {{name: {role}, role: {role}, sha256: {hashlib.sha256(token.encode()).hexdigest()}}}\n"
            for role, token in (("viewer", VIEWER), ("operator", OPERATOR))), encoding="ascii")
        with open(log, "w", encoding="utf-8") as written, \
                DemoService(service, f"--web.config.file={web}", "--correction.per-vm-per-hour=1000",
                            "--correction.per-host-per-hour=1000", *flags, log=written) as demo:
            tests = Moments(demo, program, log)
            wait_for_skew(demo)
            demo.wait_until(lambda: demo.metric("kvm_tsc_audit_writable") is not None, "a look at the audit")
            yield tests


def looks_as_before(tests):
    """What is only looked at: VMs, metrics, page, readiness (kinds 2 and 8)."""
    demo = tests.demo
    demo.wait_until(lambda: demo.metric("kvm_tsc_vm_trust_state", vm=MOVING, state="changing") == 1, "changing")
    tests.says(0, VM, "vms")
    tests.says(0, "reference vCPU", "show", VM)
    tests.check("ready", demo.get("/-/ready") == (200, "ready\n"), demo.get("/-/ready"))
    status, page = demo.get("/")
    tests.check("the page has the VMs", status == 200 and VM in page and "changing" in page, status)
    listed = demo.get_json("/api/v1/vms")
    tests.check("all VMs are listed", listed["complete"] and not listed["problems"], listed["problems"])
    troubled = [vm["vm"] for vm in listed["vms"] if vm["error"] or vm["trust"] is None]
    tests.check("and none is unreadable", not troubled, troubled)
    for vm in (VM, MOVING):
        counts = {verdict: demo.metric("kvm_tsc_corrections_total", vm=vm, verdict=verdict)
                  for verdict in VERDICTS}
        tests.check(f"{vm} has every counter", None not in counts.values(), counts)
    tests.check("the lost master clock is seen" if len(set(tests.offsets())) > 1 else "the master clock is seen",
                demo.metric("kvm_tsc_vm_master_clock", vm=VM) == float(len(set(tests.offsets())) == 1))


def moving_is_changing(tests, plan=None):
    """A VM that does not hold still is not corrected, for that reason (kind 8)."""
    demo = tests.demo
    wanted = {"plan": plan} if plan else {"goal": "align"}
    status, answer = demo.post(f"/api/v1/vms/{MOVING}/corrections", {**wanted, "allow": ["backwards"]})
    found = {one["objection"]: one["detail"] for one in answer.get("objections", [])}
    tests.check("a moving VM is not corrected, for it moves",
                status == 422 and "another one" in found.get("untrusted", ""), answer)


def settings_hold(tests, attach_mode):
    """The demo reads the host's own VMs and no more, and says which settings are not as they say (kind 3)."""
    host = tests.demo.get_json("/api/v1/host")
    tests.check("real VMs are attached to only as was said", host["attach_mode"] == attach_mode, host)
    tests.check("the log's first lines have the setting that is not as it says", attach_mode != "off" or
                tests.log('msg="setting"', 'key="correction.enabled"', "simulated"), tests.log("setting"))


def who_may(tests):
    """Wrong tokens are limited and logged, right ones served, and a viewer reads (kind 4)."""
    demo = tests.demo
    answers = [demo.ask("GET", "/api/v1/vms", token=f"wrong-{i}")[0] for i in range(WRONG_TOKENS)]
    tests.check("wrong tokens are limited", answers[0] == 401 and answers[-1] == 429, answers)
    status, plan = demo.post(f"/api/v1/vms/{VM}/corrections", {"goal": "align", "dry_run": True})
    tests.check("the right one is served meanwhile", status == 200, plan)
    tests.check("both are in the log, once", len(tests.log('"login failed"')) == 1 and
                len(tests.log('"logins limited"')) == 1, tests.log("login"))
    for path in ("/api/v1/vms", "/api/v1/audit", "/api/v1/corrections", "/api/v1/host"):
        status, body = demo.ask("GET", path, token=VIEWER)
        tests.check(f"a viewer reads {path}", status == 200, body)
    status, body = demo.post(f"/api/v1/vms/{VM}/plans", {"goal": "align"}, token=VIEWER)
    tests.check("and changes nothing", status == 403, body)


def exit_statuses(tests):
    """Words and statuses at the keyboard (kinds 5 and 6)."""
    tests.says(2, "did you mean show?", "shwo", VM)
    tests.says(5, "did you mean sim-skewed?", "show", "sim-skwed")
    tests.says(3, "does not answer", "--server", "http://127.0.0.1:9", "vms")
    tests.says(4, "give a token", "plan", VM, environment={"KVM_TSC_TOKEN": ""})
    tests.says(1, "give --yes", "undo")


def asked_everywhere(tests, plan_of_moving=None, attach_mode="off"):
    looks_as_before(tests)
    moving_is_changing(tests, plan_of_moving)
    settings_hold(tests, attach_mode)
    who_may(tests)
    exit_statuses(tests)


def main(service, program, micro_vmm, world):
    what_to_do = importlib.import_module(f"bad_{world}")
    if missing := what_to_do.missing(micro_vmm):
        print(f"skipped: {missing}")
        return 77
    return 1 if what_to_do.run(service, program, micro_vmm) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except subprocess.TimeoutExpired as late:
        sys.exit(f"FAIL  {late}")
