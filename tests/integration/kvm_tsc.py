#!/usr/bin/env python3
"""kvm-tsc at the keyboard: what it asks, suggests and completes, and that what it prints it reads back.

    kvm_tsc.py SERVICE KVM-TSC
"""

import hashlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from demo_service import DemoService

PATIENCE = 20
VM = "sim-skewed"


class Tests:
    """Runs kvm-tsc against one demo and counts what was not as it should be."""

    def __init__(self, demo, program):
        self.demo, self.program, self.misfits = demo, program, 0
        self.environment = {"KVM_TSC_SERVER": f"http://{demo.address}", "KVM_TSC_TOKEN": demo.token,
                            "PATH": f"{pathlib.Path(program).parent}:{os.environ['PATH']}",
                            "LC_ALL": "C.UTF-8"}

    def check(self, what, fits, detail=""):
        print(f"{'ok  ' if fits else 'FAIL'}  {what}")
        if not fits:
            print(f"      {detail}")
            self.misfits += 1

    def run(self, *words, **more):
        environment = {**self.environment, **more.pop("environment", {})}
        return subprocess.run([self.program, *words], env=environment, text=True, timeout=PATIENCE,
                              check=False, capture_output=True, stdin=more.pop("stdin", subprocess.DEVNULL),
                              **more)

    def says(self, status, expected, *words, **more):
        """That the command ends with this status and prints that text."""
        done = self.run(*words, **more)
        output = done.stdout + done.stderr
        self.check(f"status {status}  kvm-tsc {' '.join(words)}",
                   done.returncode == status and expected in output, f"{done.returncode}: {output}")
        return output

    def typed(self, answers, *words):
        """What the command prints on a terminal on which these lines are typed, and its status."""
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(self.program, [self.program, *words], self.environment)
        output, deadline = "", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                piece = os.read(terminal, 4096).decode()
            except OSError:
                break
            output += piece
            if answers and output.rstrip(" ").endswith("[y/N]"):
                os.write(terminal, (answers.pop(0) + "\n").encode())
        return output, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def settle(self):
        self.demo.wait_until(lambda: all(one["state"] == "done" for one in self.demo.get_json(
            "/api/v1/corrections")["corrections"]), "the end of all corrections")


def wait_for_skew(demo):
    demo.wait_until(lambda: demo.get_json(f"/api/v1/vms/{VM}")["spread_ticks"] is not None, "a confirmed skew")


def near_misses(tests):
    tests.says(2, 'there is no command "shwo"; did you mean show?', "shwo", VM)
    tests.says(2, 'there is no flag "--alow"; did you mean --allow?', "correct", VM, "--alow", "backwards")
    output = tests.says(5, "did you mean sim-skewed?", "show", "sim-skwed")
    tests.check("its words are its own", "kvm-tsc vms" in output and "/api/" not in output, output)
    output = tests.says(1, "did you mean backwards?", "correct", VM, "--yes", "--allow", "backward")
    tests.check("and of a wrong --allow too", "openapi" not in output, output)
    tests.says(2, "--user alice needs a password; give --password-file FILE", "--user", "alice", "vms")
    tests.says(1, "give a token", "doctor", environment={"KVM_TSC_TOKEN": "wrong"})


def asks(tests):
    """Objections are asked one by one, by name, before the last question; what is printed can be pasted."""
    output, status = tests.typed(["n"], "correct", VM, "--align-to", "reference")
    tests.check("an objection is asked by its name", "Allow backwards?" in output and status == 1, output)
    tests.check("and a no changes nothing", "nothing was changed" in output, output)
    output, status = tests.typed(["y", "n"], "correct", VM, "--align-to", "reference")
    tests.check("then it asks whether to do it", "Do it?" in output and status == 1, output)
    tests.check("and a no changes nothing", "nothing was changed" in output, output)
    printed = tests.run("plan", VM, "--align-to", "reference").stdout
    command = re.search(r"^  (kvm-tsc correct .*)$", printed, re.MULTILINE)[1]
    done = subprocess.run(["bash", "-c", command + " --yes"], env=tests.environment, text=True,
                          capture_output=True, timeout=PATIENCE, check=False)
    tests.check(f"pasted: {command}", done.returncode == 0 and "corrected" in done.stdout,
                done.stdout + done.stderr)
    output, status = tests.typed(["y"], "undo")
    tests.check("an undo asks as well", status == 0 and "corrected" in output, output)
    command = re.search(r"^  (kvm-tsc undo .*takes it back)", output, re.MULTILINE)[1]
    done = subprocess.run(["bash", "-c", command.replace(" # ", " --yes --allow backwards # ")],
                          env=tests.environment, text=True, capture_output=True, timeout=PATIENCE,
                          check=False)
    tests.check(f"pasted: {command}", done.returncode == 0, done.stdout + done.stderr)


def reads_back(tests):
    shown = tests.run("--json", "show", VM).stdout
    plan = tests.run("--json", "plan", VM, "--restore", "-", input=shown, stdin=None)
    tests.check("show --json goes into plan --restore",
                {vcpu["jump_ticks"] for vcpu in json.loads(plan.stdout)["vcpus"]} == {"0"}, plan.stdout)
    planned = tests.run("--json", "plan", VM).stdout
    again = tests.run("--json", "plan", VM, "--restore", "-", input=planned, stdin=None)
    offsets = [[vcpu["then"] for vcpu in json.loads(text)["vcpus"]] for text in (planned, again.stdout)]
    tests.check("plan --json too", offsets[0] == offsets[1], again.stdout)
    table = tests.run("show", VM).stdout
    offset = re.search(r"^ +0 +(-[\d,]+)", table, re.MULTILINE)[1]
    plan = json.loads(tests.run("--json", "plan", VM, "--vcpu", "0", "--set", offset).stdout)
    tests.check(f"--set {offset}", plan["vcpus"][0]["jump_ticks"] == "0", plan)
    jump = re.search(r" (\+[\d.]+ \w+)$", tests.run("plan", VM).stdout, re.MULTILINE)[1]
    tests.check(f"--shift-time '{jump}'", tests.run("plan", VM, "--shift-time", jump).returncode == 0)


def interrupted(tests, patience):
    """Ctrl-C while it waits for a verdict: its status and what it says on stderr, within `patience` s."""
    with subprocess.Popen([tests.program, "correct", VM, "--yes", "--shift", "9"], env=tests.environment,
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as waiting:
        tests.demo.wait_until(lambda: any(one["state"] != "done" for one in tests.demo.get_json(
            "/api/v1/corrections")["corrections"]), "a correction under way")
        waiting.send_signal(signal.SIGINT)
        _, errors = waiting.communicate(timeout=patience)
    return waiting.returncode, errors


def goes_on(tests):
    """Ctrl-C while it waits for a verdict."""
    status, errors = interrupted(tests, PATIENCE)
    found = re.search(r"correction (c-[0-9a-f]{16}) was accepted and goes on", errors)
    tests.check("Ctrl-C prints the correction that goes on", bool(found) and status == 130,
                f"{status}: {errors}")
    tests.settle()
    output = tests.run("log", "--limit", "3", "--vm", VM).stdout
    tests.check("and the log has its verdict, the newest first",
                found and re.search(rf"finished .* {found[1]} .*corrected", output.splitlines()[1]), output)


def log_tells(tests):
    tests.run("correct", VM, "--yes", "--shift", "1000000", "--reason", "page 17")
    tests.settle()
    tests.run("undo", "--yes", "--allow", "backwards")
    tests.settle()
    lines = tests.run("log", "--limit", "20").stdout.splitlines()
    undo = next(line for line in lines if "undoes c-" in line and "finished" in line)
    tests.check("the log says what an undo undid", bool(undo))
    tests.check("and how far it jumped", re.search(r" -\d[\d.]* (us|ms) +undoes c-\w+ +corrected$", undo), undo)
    tests.check("and why", any("page 17" in line and "finished" in line for line in lines), lines)


def viewers_log(tests):
    """A viewer is not told who and why, but how it ended."""
    token = "a-viewer-of-the-demo"
    with tempfile.TemporaryDirectory() as directory:
        web = pathlib.Path(directory) / "web.yml"
        web.write_text("kvm_tsc:\n  require_auth: false\n  tokens:\n    - name: looker\n      role: viewer\n"
                       "      sha256: " + hashlib.sha256(token.encode()).hexdigest() + "\n", encoding="ascii")
        with DemoService(sys.argv[1], f"--web.config.file={web}") as demo:
            wait_for_skew(demo)
            there = Tests(demo, tests.program)
            there.run("correct", VM, "--yes", "--shift", "9", "--reason", "page 17")
            there.settle()
            output = there.run("log", environment={"KVM_TSC_TOKEN": token}).stdout
    finished = next((line for line in output.splitlines() if "finished" in line), "")
    tests.check("a viewer's log has the verdict", finished.endswith(" corrected"), output)
    tests.check("and no more", "page 17" not in output and "token:" not in output, output)


def completes(tests):
    def completed(*words):
        line = " ".join(f'"{word}"' for word in words)
        script = (f"source <(kvm-tsc completion bash); COMP_WORDS=({line}); "
                  f"COMP_CWORD={len(words) - 1}; _kvm_tsc; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "-c", script], env=tests.environment, text=True, timeout=PATIENCE,
                              capture_output=True, check=False)
        return done.stdout.split()

    tests.check("names of VMs", completed("kvm-tsc", "show", "sim-sk") == [VM], completed("kvm-tsc", "show", ""))
    tests.check("words of --allow", completed("kvm-tsc", "correct", VM, "--allow", "back") == ["backwards"])
    plan = json.loads(tests.run("--json", "plan", VM, "--shift", "1").stdout)["id"]
    tests.check("plans", plan in completed("kvm-tsc", "correct", VM, "--plan", "p-"))
    newest = tests.demo.get_json("/api/v1/corrections")["corrections"][0]["id"]
    tests.check("corrections", newest in completed("kvm-tsc", "undo", "c-"))
    tests.check("commands", completed("kvm-tsc", "sh") == ["show"], completed("kvm-tsc", "sh"))
    tests.check("VMs after --", completed("kvm-tsc", "show", "--", "sim-sk") == [VM])


def completes_in_zsh(tests):
    """At a prompt, as there is no other way to ask zsh."""
    if shutil.which("zsh") is None:
        print("skipped: no zsh, so its completion is not tried")
        return
    with tempfile.TemporaryDirectory() as home:
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**tests.environment, "HOME": home, "TERM": "dumb"})
        shown = ""

        def typed(text, expected):
            nonlocal shown
            os.write(terminal, text.encode())
            shown, deadline = "", time.monotonic() + PATIENCE
            while expected not in shown and time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.1)[0]:
                    shown += os.read(terminal, 4096).decode(errors="replace")
            return expected in shown

        # The words that are waited for are not those that are typed.
        typed("source <(kvm-tsc completion zsh); echo it is $((40 + 2))\n", "it is 42")
        for begun, completed in (("kvm-tsc sho", "show "), ("kvm-tsc show sim-sk", VM),
                                 ("kvm-tsc correct --allow back", "backwards"),
                                 ("kvm-tsc --json show -- sim-sk", VM)):
            tests.check(f"zsh: {begun}", typed("\x15" + begun + "\t", completed), repr(shown))
        os.kill(child, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(child, 0)


def socket_of_others(tests):
    """A unix socket that one may not open is not a service that does not run."""
    if os.geteuid() != 0:
        print("skipped: not root, so no socket can be somebody else's")
        return
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = f"{directory}/api.sock"
        with DemoService(sys.argv[1], f"--web.listen-address=unix:{path}"):
            os.chown(path, 0, 12)
            os.chmod(path, 0o660)
            nobody = subprocess.run([tests.program, "--server", f"unix:{path}", "vms"], text=True,
                                    capture_output=True, user=65534, group=65534, extra_groups=[],
                                    timeout=PATIENCE, check=False, env={"PATH": os.environ["PATH"]})
        output = nobody.stderr
        tests.check("permission denied is said", nobody.returncode == 3 and "permission denied" in output and
                    "you are nobody (uid 65534), it belongs to root:" in output and
                    "usermod -aG " in output and "running" not in output, output)


def meets_the_service(tests):
    """Started without options both find each other; in a network of their own, for the port is the default."""
    if os.geteuid() != 0:
        print("skipped: not root, so no network of its own can be made")
        return
    script = f"""ip link set lo up
        {sys.argv[1]} --log.level=error & service=$!
        for attempt in $(seq 100); do {tests.program} doctor | grep '^ok  *service' && break; sleep 0.1; done
        {tests.program} --json vms >/dev/null; echo "status $?"
        kill $service; wait $service
        {tests.program} vms; echo "status $?" """
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], text=True, capture_output=True, check=False,
                          timeout=3 * PATIENCE, env={"PATH": os.environ["PATH"]})
    output = done.stdout + done.stderr
    tests.check("without options kvm-tsc finds the service, and doctor says where",
                "at http://127.0.0.1:10078 (where it listens without options, for there is no unix socket)" in output,
                output)
    tests.check("and it answers", "status 0\n" in output or "status 1\n" in output, output)  # 1: no debugfs here
    tests.check("without a service both places are named",
                "api.sock is not there; nor does anybody answer at http://127.0.0.1:10078" in output and
                "status 3" in output, output)


if __name__ == "__main__":
    with DemoService(sys.argv[1]) as service:
        wait_for_skew(service)
        tested = Tests(service, sys.argv[2])
        for test in (near_misses, reads_back, asks, goes_on, log_tells, viewers_log, completes,
                     completes_in_zsh, socket_of_others, meets_the_service):
            tested.settle()
            test(tested)
    sys.exit(1 if tested.misfits else 0)
