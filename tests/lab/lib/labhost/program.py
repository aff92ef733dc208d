"""Program: a process started by a scenario. A context manager; leaving it ends the process."""

import os
import subprocess
import time

END_SECONDS = 10


class Program:
    """Standard input and output are pipes where asked for. Standard error goes to the console log, or
    into the file `log`."""

    def __init__(self, command, piped=False, log=None):
        if not os.access(command[0], os.X_OK):
            raise FileNotFoundError(f"{command[0]} is not there; make build makes it")
        self.arguments = command
        pipe = subprocess.PIPE if piped else None
        errors = open(log, "w", encoding="utf-8") if log else None
        self.process = subprocess.Popen(command, stdin=pipe or subprocess.DEVNULL, stdout=pipe,
                                        stderr=errors, text=True, bufsize=1)
        if errors:
            errors.close()
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Asks it to end (SIGTERM), insists after END_SECONDS. Its exit status and how long it took."""
        began = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode, time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ensure_running(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.arguments[0]} ended with {self.process.returncode}")
