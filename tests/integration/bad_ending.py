"""A VM ends in the middle of what is done to it: a simulated one of the demo by its times
(collectors/simulated/fleet.cc), and one of micro-vmm on /dev/kvm that is killed."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from bad_moments import OPERATOR, VERDICTS, VM, asked_everywhere, moments

ENDING = "sim-coming-and-going"
STAYS, ROUND = 15, 25  # seconds since the service's start
ODD = "-odd"  # a VM's name that looks like a flag
DEBUGFS = pathlib.Path("/sys/kernel/debug/kvm")
BY_NAME = """identity:
  rules:
    - {match: cmdline, pattern: '--name (\\S+)', name: '\\1'}
"""


def missing(_):
    return ""


def run(service, program, micro_vmm):
    with tempfile.TemporaryDirectory(prefix="kvm-tsc-ending-") as directory:
        config = pathlib.Path(directory) / "config.yml"
        config.write_text(BY_NAME, encoding="ascii")
        start = time.monotonic()
        with moments(service, program, f"--config.file={config}", "--attach.mode=correct",
                     "--correction.enabled") as tests:
            ends_by_itself(tests, start + STAYS)
            killed(tests, micro_vmm)
            moving_ends(tests)
            comes_back(tests, start + ROUND)
            return tests.misfits


class Background:
    """kvm-tsc at work while something else happens."""

    def __init__(self, tests, *words):
        self._out, self._errors = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen([tests.program, *words], env=tests.environment,
                                         stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._errors)

    def ended(self, by=None):
        """(status, stdout, stderr), once it has ended; by a signal if need be."""
        if by is not None:
            self._process.send_signal(by)
        status = self._process.wait(timeout=30)
        texts = []
        for file in (self._out, self._errors):
            file.seek(0)
            texts.append(file.read())
            file.close()
        return status, *texts


def is_there(tests, vm):
    return f'vm="{vm}"' in tests.demo.get("/metrics")[1]


def shows_until_gone(tests, vm, environment=None):
    """Of a VM that ends meanwhile each answer is whole, and the last one says that it is not there."""
    while True:
        done = tests.run("show", vm, environment=environment or {})
        if done.returncode != 0 or "vCPU" not in done.stdout:
            break
    tests.check(f"show {vm}, until it is gone", done.returncode == 5 and f'there is no VM "{vm}"' in done.stderr,
                done.stdout + done.stderr)


def ends_by_itself(tests, end):
    first = tests.corrected("correct", ENDING, "--shift", "1000000")
    plan = tests.planned(ENDING, "--shift", "7")
    watched = Background(tests, "watch", "--interval", "0.3")
    time.sleep(max(0, end - 0.9 - time.monotonic()))
    verified = Background(tests, "--json", "correct", ENDING, "--shift", "3", "--yes")
    shows_until_gone(tests, ENDING)
    tests.demo.wait_until(lambda: not is_there(tests, ENDING), "the end of its series")
    in_the_middle(tests, *verified.ended())
    after_the_end(tests, ENDING, plan, first)
    time.sleep(1)  # for watch to look again
    status, out, errors = watched.ended(by=signal.SIGINT)
    pictures = out.split("kvm-tsc watch")
    tests.check("watch goes on without it", status == 0 and ENDING in pictures[1] and
                ENDING not in pictures[-1] and VM in pictures[-1] and not errors, (status, pictures[-1], errors))
    tests.check("the log has its end", tests.log('"VM gone"', ENDING))


def in_the_middle(tests, status, out, errors):
    """The verification that the end came into the middle of."""
    answer = json.loads(out or "{}")
    tests.check("the verdict is none of success", status == 1 and answer.get("verdict") == "uncertain",
                (status, out, errors))
    tests.check("and says that the VM ended", "the VM ended" in str(answer.get("error")), answer)
    events = json.loads(tests.demo.ask("GET", "/api/v1/audit", token=OPERATOR)[1])["events"]
    what = [event["what"] for event in events if event["correction"] == answer.get("id")]
    tests.check("the audit has it to its end", what[:1] == ["finished"] and what[-1:] == ["requested"], what)


def after_the_end(tests, vm, plan, correction, environment=None):
    """What is asked of a VM that has just ended."""
    more = {"environment": environment or {}}
    tests.says(5, f'there is no VM "{vm}"', "correct", "--yes", f"--plan={plan}", "--", vm, **more)
    if correction:
        tests.says(5, "the VM is not there any more", "undo", correction, "--yes", **more)
    tests.says(1, "no correction stands that could be undone", "undo", "--yes", "--vm=" + vm, **more)
    output = tests.says(5, "there is no VM", "show", "--", vm[:-1], **more)
    tests.check("it is not suggested", f"did you mean {vm}" not in output, output)
    words = tests.run("complete", "vms", **more).stdout.split()
    tests.check("nor completed", vm not in words and VM in words, words)
    tests.says(0, vm, "log", "--vm=" + vm, **more)


def moving_ends(tests):
    """One that does not hold still ends while it is `changing`. It is made up, as one of this very process."""
    demo, name, engineer = tests.demo, f"{os.getpid()}-12", {"KVM_TSC_TOKEN": OPERATOR}
    vm, tree = f"vm-{name}", demo.debugfs / "kvm" / name
    new = demo.debugfs / "new"
    for vcpu in ("vcpu0", "vcpu1"):
        (tree / vcpu).mkdir(parents=True)
        for name in ("tsc-offset", "guest_mode", "pid"):
            (tree / vcpu / name).write_text("0\n", encoding="ascii")

    def is_changing():
        new.write_text(f"{time.monotonic_ns()}\n", encoding="ascii")
        new.rename(tree / "vcpu1" / "tsc-offset")
        return demo.metric("kvm_tsc_vm_trust_state", vm=vm, state="changing") == 1

    demo.wait_until(is_changing, "a change that does not end")
    tests.says(0, "changing", "show", vm)
    plan = json.loads(tests.run("--json", "plan", vm, environment=engineer).stdout)
    tests.check("its plan says that it moves, and that it cannot be carried out", plan["obstacle"] and
                "untrusted" in [found["objection"] for found in plan["objections"]], plan)
    tree.rename(demo.debugfs / "ended")
    demo.wait_until(lambda: not is_there(tests, vm), "the end of its series")
    after_the_end(tests, vm, plan["id"], None, engineer)


def comes_back(tests, moment):
    """Under its old name comes another VM: nothing of the first is held against it."""
    time.sleep(max(0, moment - time.monotonic()))
    tests.demo.wait_until(lambda: is_there(tests, ENDING), "its coming back")
    counts = {verdict: tests.demo.metric("kvm_tsc_corrections_total", vm=ENDING, verdict=verdict)
              for verdict in VERDICTS}
    tests.check("its counters begin at 0", set(counts.values()) == {0.0}, counts)
    steps = tests.demo.metric("kvm_tsc_vcpu_offset_steps_total", vm=ENDING, vcpu="0")
    tests.check("its steps too", steps in (None, 0.0), steps)
    tests.says(1, "no correction stands that could be undone", "undo", "--yes", "--vm", ENDING)
    tests.corrected("correct", VM)
    asked_everywhere(tests, attach_mode="correct")


@contextlib.contextmanager
def real_vm(tests, micro_vmm):
    """A VM of micro-vmm that the demo sees beside its own, and no others of the host; None where there is no KVM."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or os.geteuid() != 0 or not DEBUGFS.is_dir():
        yield None, None
        return
    with subprocess.Popen([micro_vmm, "--vcpus", "2", "--guest", "halt", "--name", ODD], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as vmm:
        try:
            found = json.loads(vmm.stdout.readline())["vm"][0]
            name = f"{found['creator']}-{found['fd']}"
            seen = tests.demo.debugfs / "kvm" / name
            seen.mkdir()
            subprocess.run(["mount", "--bind", DEBUGFS / name, seen], check=True)
            (tests.demo.sysfs / "module").mkdir()
            for module in ("kvm_pvm", "kvm_intel", "kvm_amd"):
                if pathlib.Path("/sys/module", module).is_dir():
                    (tests.demo.sysfs / "module" / module).mkdir()

            def end():
                vmm.kill()
                vmm.wait()
                subprocess.run(["umount", "-l", seen], check=False)
                seen.rmdir()

            yield vmm, end
        finally:
            vmm.kill()


def killed(tests, micro_vmm):
    demo, engineer = tests.demo, {"KVM_TSC_TOKEN": OPERATOR}
    with real_vm(tests, micro_vmm) as (vmm, end):
        if vmm is None:
            print("skipped: no root, /dev/kvm or debugfs, so no real VM is killed")
            return
        demo.wait_until(lambda: demo.metric("kvm_tsc_vm_trusted", vm=ODD) == 1, "a real VM")
        tests.says(4, f"token:demo may not act on {ODD}", "plan", "--", ODD)
        like_a_flag(tests, engineer)
        before = json.loads(tests.run("--json", "plan", "--shift", "5", "--", ODD, environment=engineer).stdout)
        vmm.send_signal(signal.SIGSTOP)
        demo.wait_until(lambda: demo.metric("kvm_tsc_vm_clock_error", vm=ODD, kind="refused") == 1,
                        "a clock that cannot be read")
        tests.says(0, "is stopped", "show", "--", ODD)
        tests.says(1, "is stopped", "correct", f"--plan={before['id']}", "--yes", "--allow=protected_tsc",
                   "--allow=backwards", "--", ODD, environment=engineer)
        end()
        demo.wait_until(lambda: not is_there(tests, ODD), "the end of its series")
        after_the_end(tests, ODD, before["id"], None, engineer)
        tests.check("its trouble is not left in the log's last words", tests.log('"VM gone"', ODD))


def like_a_flag(tests, engineer):
    """A VM's name may begin with "-": it stands after "--", also in what is printed."""
    tests.says(2, "after --", "show", ODD)
    tests.says(0, "reference vCPU", "show", "--", ODD)
    printed = tests.run("plan", "--shift", "5", "--", ODD, environment=engineer).stdout
    command = re.search(r"^  (kvm-tsc correct .*)$", printed, re.MULTILINE)
    pasted = subprocess.run(["bash", "-c", command[1].replace(" correct ", " correct --yes ")] if command else
                            ["false"], env={**tests.environment, **engineer}, text=True, capture_output=True,
                            timeout=30, check=False)
    tests.check("what plan prints can be pasted", re.search(r"^(corrected|not_applied) ", pasted.stdout,
                                                            re.MULTILINE), printed + pasted.stdout + pasted.stderr)
    tests.check("a KVM that ignores writes is foreseen", ("not_applied" in pasted.stdout) ==
                ("protected_tsc" in printed), printed + pasted.stdout)
