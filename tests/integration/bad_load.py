"""Four busy processes for each CPU: answers come, and are true."""

import contextlib
import json
import os
import subprocess
import sys
import time

from bad_moments import asked_everywhere, moments
from demo_service import die_with_parent
from kvm_tsc import VM, interrupted

PER_CPU = 4
AT_MOST = 50  # seconds that a busy process lives, whatever happens
TIME_LIMIT = 3


def missing(_):
    return ""


@contextlib.contextmanager
def load():
    busy = [subprocess.Popen([sys.executable, "-c",
                              f"import time\nend = time.monotonic() + {AT_MOST}\n"
                              "while time.monotonic() < end: pass"], preexec_fn=die_with_parent)
            for _ in range(PER_CPU * os.cpu_count())]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def run(service, program, micro_vmm):
    with moments(service, program) as tests, load():
        first = tests.corrected("correct", VM)
        tests.corrected("undo", first, "--allow", "backwards")
        plan = tests.planned(VM)
        tests.corrected("correct", VM, "--plan", plan)
        goes_on(tests)
        asked_everywhere(tests)
        sweeps(tests)
        tests.doctor(0, "can be written")
        no_verdict_is_lost(tests)
        gives_up_in_time(tests)
    return tests.misfits


def goes_on(tests):
    """Ctrl-C while it waits for a verdict."""
    status, errors = interrupted(tests, 10)
    tests.check("Ctrl-C ends the waiting and no more", status == 130 and "goes on" in errors, errors)
    tests.settle()
    newest = tests.demo.get_json("/api/v1/corrections")["corrections"][0]
    tests.check("and there is a verdict", newest["verdict"] == "corrected", newest)


def sweeps(tests):
    """They keep their interval, and no VM was unreadable in any."""
    demo = tests.demo
    before, start = demo.metric("kvm_tsc_last_sweep_timestamp_seconds"), time.monotonic()
    demo.wait_until(lambda: demo.metric("kvm_tsc_last_sweep_timestamp_seconds") >= before + 2, "later sweeps")
    tests.check("sweeps keep their interval", time.monotonic() - start < 5, time.monotonic() - start)
    errors = [line for line in demo.get("/metrics")[1].splitlines()
              if line.startswith("kvm_tsc_vm_read_errors_total") and not line.endswith(" 0")]
    tests.check("no VM was unreadable at any time", not errors, errors)
    tests.check("nor did one have trouble that moves not", not [
        line for line in tests.log('"VM has trouble"') if "sim-moving" not in line], tests.log("trouble"))


def no_verdict_is_lost(tests):
    unfinished = [one["id"] for one in tests.demo.get_json("/api/v1/corrections")["corrections"]
                  if one["verdict"] != "corrected"]
    tests.check("every correction has its verdict", not unfinished, unfinished)
    finished = {event["correction"] for event in json.loads(tests.demo.ask(
        "GET", "/api/v1/audit?limit=1000", token=tests.demo.token)[1])["events"] if event["what"] == "finished"}
    made = {one["id"] for one in tests.demo.get_json("/api/v1/corrections")["corrections"]}
    tests.check("and the audit has them all", finished == made, (finished, made))


def gives_up_in_time(tests):
    """A service that does not answer is given up when --timeout says."""
    silent = subprocess.Popen([sys.executable, "-c", "import socket, time\ns = socket.create_server(('127.0.0.1', 0))\n"
                               "print(s.getsockname()[1], flush=True)\n" f"time.sleep({AT_MOST})"],
                              stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    with silent:
        port = silent.stdout.readline().strip()
        start = time.monotonic()
        tests.says(3, "does not answer", "--server", f"http://127.0.0.1:{port}", "--timeout", str(TIME_LIMIT), "vms")
        took = time.monotonic() - start
        tests.check("the time limit is kept", TIME_LIMIT <= took < TIME_LIMIT + 2, took)
        silent.kill()
