"""VMMs and tracers killed at random moments, on a stock kernel that applies what is written."""

import re
import subprocess

DEADLINE = 240
CYCLES = {"micro VM": 60, "QEMU": 12}
KILLS = 10


def run(host):
    program = subprocess.run(
        [f"{host.bin}/attach_torture", "--vm", str(CYCLES["micro VM"]), "--qemu", str(CYCLES["QEMU"]),
         "--kills", str(KILLS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(program.stdout, flush=True)
    for vmm, wanted in CYCLES.items():
        done = re.search(rf"{vmm}: (\d+) cycles", program.stdout)
        host.check(f"{vmm}: all cycles were made", done and int(done[1]) >= wanted,
                   cycles=done and int(done[1]))
    host.check_equal("nothing was lost, hung or changed", program.returncode, 0,
                     said=program.stdout.splitlines()[-3:])
