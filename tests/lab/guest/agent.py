"""The agent of a lab host: runs scenarios that the runner sends over the virtio-serial port "lab".

Messages are JSON objects, one a line. To the agent:
  {"run": PATH, "host": "a", "peer": "10.0.7.2", "bin": DIR, "kernel": PATH,
   "deadline": SECONDS}
To the runner:
  {"event": "ready", "release": "6.1.0-..."}
  {"check": NAME, "ok": true, "detail": {...}}                    from the scenario, any number
  {"event": "barrier", "name": NAME}     from the scenario; answered by {"go": NAME}
  {"event": "done", "problem": TEXT or null, "clean": true}       the last of each scenario

Each scenario runs in a forked child. When it ends, or its deadline passes, every process of the host
but this one is killed, so that the next scenario meets a host as after boot; `clean` says whether
that worked.
"""

import ctypes  # noqa: F401  (this and the like: loaded once here, used by the scenarios' library)
import faulthandler
import glob
import http.client  # noqa: F401
import json
import os
import random  # noqa: F401
import shutil
import signal
import subprocess  # noqa: F401
import sys
import time
import traceback

DEBUGFS = "/sys/kernel/debug"
TRACEFS = "/sys/kernel/tracing"
SCRATCH = "/tmp/scenario"
VM_END_SECONDS = 10
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def main():
    descriptor = open_port()
    sys.path.insert(0, os.path.join(SOURCE, "tests/lab/lib"))
    send(descriptor, {"event": "ready", "release": os.uname().release})
    with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as port:
        for line in iter(lambda: read_line(port), b""):
            request = json.loads(line)
            problem = run(request, descriptor)
            send(descriptor, {"event": "done", "problem": problem, "clean": clean()})


def open_port():
    for name in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(name, encoding="ascii") as file:
            if file.read().strip() == "lab":
                return os.open("/dev/" + name.split("/")[-2], os.O_RDWR | os.O_CLOEXEC)
    sys.exit("lab: no virtio-serial port named lab")


def read_line(port):
    """A line without read-ahead: what follows belongs to the scenario."""
    line = b""
    while not line.endswith(b"\n"):
        byte = port.read(1)
        if not byte:
            return b""
        line += byte
    return line


def send(descriptor, message):
    os.write(descriptor, json.dumps(message).encode() + b"\n")


def run(request, descriptor):
    """None when the scenario ran to its end, or what went wrong."""
    child = os.fork()
    if child == 0:
        os._exit(run_child(request, descriptor))
    deadline = time.monotonic() + request["deadline"]
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if status == 0:
                return None
            code = os.waitstatus_to_exitcode(status)
            return "it raised an exception (see the console log)" if code == 1 else f"it ended with {code}"
        time.sleep(0.02)
    print("lab: the deadline has passed; the scenario is at:", flush=True)
    os.kill(child, signal.SIGUSR1)
    time.sleep(0.5)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.write(descriptor, b"\n")  # ends a line that the scenario may have left unfinished
    return f"it did not finish within {request['deadline']:g} s"


def run_child(request, descriptor):
    os.setsid()
    faulthandler.register(signal.SIGUSR1, file=sys.stderr, all_threads=True)
    os.mkdir(SCRATCH)
    os.chdir(SCRATCH)
    try:
        from labhost import Host
        scenario = {"__name__": "scenario", "__file__": request["run"]}
        with open(request["run"], encoding="utf-8") as file:
            exec(compile(file.read(), request["run"], "exec"), scenario)
        scenario["run"](Host(request, descriptor, SCRATCH))
        return 0
    except BaseException:  # noqa: B902  (whatever it was is the scenario's failure)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def clean():
    """Kills what the scenario left, and says whether the host is as good as new."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    for log in sorted(glob.glob(SCRATCH + "/*.log")):
        with open(log, encoding="utf-8", errors="replace") as file:
            print(f"--- {os.path.basename(log)}", file.read(), sep="\n", end="", flush=True)
    with open(TRACEFS + "/set_event", "w", encoding="ascii"):
        pass
    for scratch in (SCRATCH, "/dev/shm"):
        for entry in glob.glob(scratch + "/*"):
            shutil.rmtree(entry, ignore_errors=True) if os.path.isdir(entry) else os.unlink(entry)
    shutil.rmtree(SCRATCH, ignore_errors=True)
    deadline = time.monotonic() + VM_END_SECONDS
    while time.monotonic() < deadline:
        if not glob.glob(DEBUGFS + "/kvm/*-*"):
            return not os.path.exists(SCRATCH) and kvm_is_stock()
        time.sleep(0.05)
    return False


def kvm_is_stock():
    """False when a scenario that replaced KVM (labhost/kvm_module.py) was lost before it put it back."""
    with open("/sys/module/kvm/taint", encoding="ascii") as file:
        return not file.read().strip()


if __name__ == "__main__":
    main()
