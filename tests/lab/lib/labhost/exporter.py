"""Exporter: the service under test, on a port of its own."""

import http.client
import os
import re
import time

from labhost.metrics import Metrics
from labhost.program import Program

ADDRESS = "127.0.0.1"
PORT = 10078
START_SECONDS = 30
ERROR_LEVEL = re.compile(r"\blevel=(error|critical|fatal)\b")


class Exporter(Program):
    """`sweep` is the interval in seconds. Ready when /-/ready says so."""

    def __init__(self, bin, scratch, flags, sweep):
        self._log = os.path.join(scratch, "exporter.log")  # the agent copies it to the console log
        super().__init__([os.path.join(bin, "kvm-tsc-exporter"), "--log.format=logfmt",
                          f"--web.listen-address={ADDRESS}:{PORT}", f"--sweep.interval={round(sweep * 1000)}ms", *flags],
                         log=self._log)
        self._wait_until_ready()

    def errors(self):
        """The lines of its log at level error or worse."""
        with open(self._log, encoding="utf-8") as log:
            return [line.rstrip() for line in log if ERROR_LEVEL.search(line)]

    def get(self, path):
        """(status, body)"""
        connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metrics(self):
        status, body = self.get("/metrics")
        if status != 200:
            raise RuntimeError(f"/metrics answers {status}: {body}")
        return Metrics(body)

    def metrics_when(self, condition, seconds=20):
        """The first scrape for which condition(metrics) holds, or the last one after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            metrics = self.metrics()
            if condition(metrics) or time.monotonic() > deadline:
                return metrics
            time.sleep(0.1)

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.ensure_running()
            try:
                if self.get("/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.kill()
        raise TimeoutError(f"the service was not ready within {START_SECONDS} s")
