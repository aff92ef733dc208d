#!/usr/bin/env python3
"""Tests of the lab itself: what must fail does fail, for the right reason, and leaves nothing behind."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77


def lab(*arguments, output, scenarios=HERE / "selftest"):
    return [sys.executable, str(HERE / "lab"), "--scenarios", str(scenarios), "--output", str(output),
            *arguments]


def children(pid):
    """Commands of the process's children, by PID."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found[int(stat.parent.name)] = (stat.parent / "comm").read_text().strip()
        except OSError:
            pass  # ended meanwhile
    return found


class Selftest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.output = pathlib.Path(folder.name)

    def run_lab(self, *arguments, **options):
        return subprocess.run(lab(*arguments, output=self.output, **options), check=False,
                              capture_output=True, text=True, timeout=240)

    def outcome(self, name):
        return json.loads((self.output / "results" / f"{name}.json").read_text())

    def test_each_kind_of_failure_fails_for_its_reason(self):
        done = self.run_lab("run")
        print(done.stdout)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("2 of 7 scenarios passed", done.stdout)

        failing = self.outcome("1-failing")
        self.assertEqual([check["ok"] for check in failing["checks"]], [True, False])
        self.assertEqual(failing["checks"][1]["detail"], {"seen": 2, "expected": 3})
        self.assertEqual(failing["problems"], [])
        self.assertIn("FAIL  what does not hold  [seen=2  expected=3]", done.stdout)

        self.assertEqual(self.outcome("2-silent")["problems"], ["it reported no check"])

        self.assertEqual(self.outcome("3-raising")["problems"],
                         ["it raised an exception (see the console log)"])
        self.assertIn("ValueError: a mishap", done.stdout)  # from the log's tail

        self.assertEqual(self.outcome("4-hanging")["problems"], ["it did not finish within 4 s"])
        self.assertIn("in wait_for_nothing", done.stdout)

        self.assertEqual(self.outcome("6-panicking")["problems"], ["the kernel of host a panicked"])
        self.assertEqual(self.outcome("7-rebooted")["problems"], [])
        # One boot for all before the panic, another after it.
        self.assertEqual(done.stdout.count(" up in "), 2)

        for name, status in (("1-failing", 1), ("5-healthy", 0)):
            reported = self.run_lab("report", name)
            self.assertEqual(reported.returncode, status, reported.stdout)

    def test_a_boot_that_hangs_is_stopped_by_its_deadline(self):
        began = time.monotonic()
        done = self.run_lab("run", "--boot-deadline", "12", "--append",
                            "loglevel=7 rdinit=/bin/busybox -- sleep 1000", "7-rebooted")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("the boot did not finish within 12 s", done.stdout)
        self.assertIn("Run /bin/busybox as init process", done.stdout)  # the log's tail
        self.assertLess(time.monotonic() - began, 40)

    def test_a_boot_that_panics_ends_at_once(self):
        done = self.run_lab("run", "--append", "rdinit=/nothing", "7-rebooted")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("during boot the kernel of host a panicked", done.stdout)

    def test_nothing_outlives_the_runner(self):
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(ending=ending.name):
                runner = subprocess.Popen(lab("run", "4-hanging", output=self.output),
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.addCleanup(runner.kill)
                hosts = {}
                deadline = time.monotonic() + 20
                while not any("qemu" in name for name in hosts.values()):
                    self.assertLess(time.monotonic(), deadline, "no host was started")
                    time.sleep(0.1)
                    hosts = children(runner.pid)
                runner.send_signal(ending)
                self.assertNotEqual(runner.wait(20), 0)
                deadline = time.monotonic() + 5
                while any(pathlib.Path(f"/proc/{pid}").exists() for pid in hosts):
                    self.assertLess(time.monotonic(), deadline, f"still there: {hosts}")
                    time.sleep(0.1)

    def test_bad_scenarios_are_refused_with_their_fault(self):
        for text, fault in (("def run(host):\n    pass\n", "docstring"),
                            ('"""A."""\nHOSTS = 3\n\ndef run(host):\n    pass\n', "HOSTS is 1 or 2"),
                            ('"""A."""\nDEADLINE = 0\n\ndef run(host):\n    pass\n', "DEADLINE"),
                            ('"""A."""\n', "define run(host)")):
            with self.subTest(fault=fault), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "bad.py").write_text(text)
                done = self.run_lab("list", scenarios=folder)
                self.assertEqual(done.returncode, 2)
                self.assertIn(fault, done.stderr)

    def test_an_unknown_scenario_is_refused_with_those_that_exist(self):
        done = self.run_lab("run", "no-such")
        self.assertEqual(done.returncode, 2)
        self.assertIn("1-failing", done.stderr)

    def test_without_qemu_the_lab_is_skipped_aloud(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(lab("run", "7-rebooted", output=self.output), check=False,
                                  capture_output=True, text=True, env={"PATH": empty}, timeout=60)
            self.assertEqual(done.returncode, SKIPPED, done.stderr)
            self.assertIn("SKIPPED: missing qemu-system-x86_64", done.stdout)
            reported = self.run_lab("report", "7-rebooted")
            self.assertEqual(reported.returncode, SKIPPED)


if __name__ == "__main__":
    # Where the lab cannot run, neither can its tests.
    if subprocess.run([sys.executable, str(HERE / "lab"), "prepare"], check=False).returncode == SKIPPED:
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
