"""The tests of attaching, on a stock kernel that applies what is written, whatever this machine has."""

import json
import os
import subprocess

DEADLINE = 240

# What makes VMs. What only needs processes runs on the machine itself, and there at its pace.
TESTS = "VmTest.*:QemuTest.*:RefusalTest.A32BitProgramIsRefused"


def run(host):
    report = f"{host.scratch}/attach.json"
    program = subprocess.run(
        [f"{host.bin}/integration_attach", f"--gtest_filter={TESTS}", f"--gtest_output=json:{report}",
         "--gtest_brief=1"],
        env={**os.environ, "HOME": host.scratch}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(program.stdout, flush=True)
    with open(report, encoding="utf-8") as file:
        suites = json.load(file)["testsuites"]
    for suite in suites:
        for test in suite["testsuite"]:
            skipped = test["result"] == "SKIPPED"
            host.check(f"{suite['name']}.{test['name']}", test["result"] == "COMPLETED" and "failures" not in test,
                       took=test["time"], **({"skipped": True} if skipped else {}))
    host.check_equal("the program itself ends well", program.returncode, 0)
