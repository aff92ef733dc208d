"""A scenario that hangs, with a process and a VM of its own left behind."""

import subprocess
import time

DEADLINE = 4

HOLD_A_VM = """
import fcntl, os, time
vm = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xAE01, 0)
time.sleep(1000)
"""


def run(host):
    subprocess.Popen(["/usr/bin/python3", "-S", "-c", HOLD_A_VM], start_new_session=True)
    host.check("what holds", True)
    wait_for_nothing()


def wait_for_nothing():
    time.sleep(1000)
