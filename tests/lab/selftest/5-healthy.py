"""After all of those, the host is as good as new."""

import os

from labhost import debugfs


def run(host):
    host.check_equal("no VM is left over", debugfs.directories(), [])
    host.check_equal("no file is left over", os.listdir(host.scratch), [])
