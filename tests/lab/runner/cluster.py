"""Cluster: one host, or two joined by a wire, booted together and used for scenarios one by one."""

import json
import select
import socket
import time

from runner.machine import Machine
from runner.outcome import Outcome

ADDRESSES = ("10.0.7.1", "10.0.7.2")
GRACE_SECONDS = 30  # over a scenario's deadline, for the agent to report that it passed
PANIC = "Kernel panic"


class BootFailed(Exception):
    """`log` is the console text so far, by host."""

    def __init__(self, reason, logs):
        super().__init__(reason)
        self.logs = logs


class Cluster:
    """A context manager: leaving it kills the hosts. After run(), `usable` says whether another
    scenario may run here."""

    def __init__(self, image, source, hosts, append="", icount=False):
        self.usable = False
        self._kernel = str(image.kernel)
        self._log_files = {}
        self.machines = []
        if hosts == 1:
            self.machines = [Machine(image, source, append=append, icount=icount)]
        else:
            ends = socket.socketpair()
            for name, address, end in zip("ab", ADDRESSES, ends):
                self.machines.append(Machine(image, source, name=name, address=address, wire=end,
                                             append=append, icount=icount))
        # All that the consoles said, by host; a scenario's log gets what was said during the boot and
        # during the scenario.
        self._console = {machine.name: "" for machine in self.machines}
        self._boot_length = dict.fromkeys(self._console, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for machine in self.machines:
            machine.kill()

    def boot(self, seconds):
        """Returns how long it took; raises BootFailed when a host is not ready after `seconds`."""
        began = time.monotonic()
        waiting = {machine.name for machine in self.machines}
        while waiting:
            left = seconds - (time.monotonic() - began)
            if left <= 0:
                raise BootFailed(f"the boot did not finish within {seconds:g} s", self._console)
            for machine, messages, problem in self._events(left):
                if problem:
                    raise BootFailed(f"during boot {problem}", self._console)
                if any(isinstance(message, dict) and message.get("event") == "ready"
                       for message in messages):
                    waiting.discard(machine.name)
        self._boot_length = {name: len(text) for name, text in self._console.items()}
        self.usable = True
        return time.monotonic() - began

    def run(self, scenario, bin, log_directory, on_check):
        """Outcome of the scenario; on_check(check) is called as each arrives."""
        outcome = Outcome(scenario.name)
        began = time.monotonic()
        self._open_logs(log_directory, outcome)
        running = {machine.name for machine in self.machines}
        arrived = {}  # barrier -> hosts that have come to it
        self.usable = True
        for machine, address, peer in zip(self.machines, ADDRESSES, reversed(ADDRESSES)):
            request = {"run": str(scenario.path.resolve()), "host": machine.name, "bin": str(bin),
                       "kernel": self._kernel, "deadline": scenario.deadline}
            if len(self.machines) == 2:
                request |= {"address": address, "peer": peer}
            machine.send(request)
        while running and self.usable:
            left = scenario.deadline + GRACE_SECONDS - (time.monotonic() - began)
            if left <= 0:
                self._give_up(outcome, f"the host no longer answers, {GRACE_SECONDS} s after the deadline")
                break
            for machine, messages, problem in self._events(left):
                for message in messages:
                    self._take(message, machine, outcome, running, arrived, on_check)
                if problem:
                    self._give_up(outcome, problem)
        if not outcome.checks and not outcome.problems:
            outcome.problems.append("it reported no check")
        outcome.seconds = round(time.monotonic() - began, 1)
        self._close_logs()
        return outcome

    def _take(self, message, machine, outcome, running, arrived, on_check):
        where = f"host {machine.name}: " if len(self.machines) == 2 else ""
        if not isinstance(message, dict):
            outcome.problems.append(f"{where}unreadable result {message!r}")
        elif "check" in message:
            if len(self.machines) == 2:
                message["host"] = machine.name
            outcome.checks.append(message)
            on_check(message)
        elif message.get("event") == "barrier":
            there = arrived.setdefault(message["name"], [])
            there.append(machine)
            if len(there) == len(self.machines):
                for one in arrived.pop(message["name"]):
                    one.send({"go": message["name"]})
        elif message.get("event") == "done":
            running.discard(machine.name)
            if message["problem"]:
                outcome.problems.append(where + message["problem"])
            self.usable = self.usable and message["clean"]

    def _give_up(self, outcome, problem):
        outcome.problems.append(problem)
        self.usable = False

    def _events(self, seconds):
        """Waits for output of any host, at most `seconds`. Yields (machine, messages, problem):
        problem is text when the host has panicked or ended."""
        ends = {end: machine for machine in self.machines for end in (machine.port, machine.console)}
        ready, _, _ = select.select(list(ends), [], [], seconds)
        for machine in {ends[end].name: ends[end] for end in ready}.values():
            text = machine.console_text()
            messages, is_open = machine.received()
            if not is_open:
                text += machine.console_text()
            self._log(machine, text)
            problem = None
            if not is_open:  # a panic ends the host too (panic=-1), once all of its message is out
                panicked = PANIC in self._console[machine.name]
                problem = (f"the kernel of host {machine.name} panicked" if panicked
                           else f"host {machine.name} ended")
            yield machine, messages, problem

    def _log(self, machine, text):
        self._console[machine.name] += text
        file = self._log_files.get(machine.name)
        if file:
            file.write(text)
            file.flush()

    def _open_logs(self, directory, outcome):
        directory.mkdir(parents=True, exist_ok=True)
        for machine in self.machines:
            path = directory / f"console-{machine.name}.log"
            file = open(path, "w", encoding="utf-8")
            boot = self._console[machine.name][:self._boot_length[machine.name]]
            file.write(boot + f"--- scenario {outcome.scenario}\n")
            file.flush()
            self._log_files[machine.name] = file
            outcome.logs.append(str(path))

    def _close_logs(self):
        for file in self._log_files.values():
            file.close()
        self._log_files = {}


def describe(check):
    """One line of a table: verdict, host, name, detail."""
    verdict = "ok  " if check["ok"] else "FAIL"
    host = f"{check['host']}: " if "host" in check else ""
    detail = "  ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}"
                       for key, value in check.get("detail", {}).items())
    return f"  {verdict}  {host}{check['check']}" + (f"  [{detail}]" if detail else "")
