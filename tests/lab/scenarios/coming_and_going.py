"""50 VMs created and destroyed at random: no ghost series, no error but the expected."""

import random

from labhost import debugfs

DEADLINE = 150
SEED = 20221105
VMS = 50
MOST_AT_ONCE = 12
CHECK_EVERY = 10  # creations


def run(host):
    fleet = Fleet(host, random.Random(SEED))
    with host.exporter() as exporter:
        for created in range(1, VMS + 1):
            while len(fleet) >= MOST_AT_ONCE or (len(fleet) and fleet.random.random() < 0.45):
                fleet.destroy_one()
            fleet.create_one()
            exporter.metrics()  # a scrape into the middle of it must not fail
            if created % CHECK_EVERY == 0:
                compare(host, exporter, f"after {created} VMs")
        while len(fleet):
            fleet.destroy_one()
        metrics = exporter.metrics_when(lambda seen: not seen.with_vm())
        host.check_equal("after the last VM no series speaks of any", metrics.with_vm(), {})
        host.check_equal("debugfs has no VM either", debugfs.directories(), [])
        host.check("the collectors succeed", all(
            value == 1 for _, value in metrics.series("kvm_tsc_collector_success")),
            collectors={labels["collector"]: value for labels, value in
                        metrics.series("kvm_tsc_collector_success")})
        host.check_equal("the service logs no error", exporter.errors(), [])


def compare(host, exporter, when):
    """Everything is quiet: /metrics and debugfs must come to the same."""
    truth = sorted(tuple(debugfs.offsets(directory).items()) for directory in debugfs.directories())

    def seen_by(metrics):
        return sorted(tuple(metrics.offsets(vm).items()) for vm in metrics.vms())

    metrics = exporter.metrics_when(lambda seen: seen_by(seen) == truth)
    host.check_equal(f"{when}: /metrics lists what debugfs lists, every offset equal",
                     seen_by(metrics), truth, vms=len(truth))


class Fleet:
    """Processes with one VM or several; VMs end by request or with their process."""

    def __init__(self, host, chance):
        self.random = chance
        self._host = host
        self._vms = {}  # process -> indices of its live VMs

    def __len__(self):
        return sum(map(len, self._vms.values()))

    def create_one(self):
        if self._vms and self.random.random() < 0.6:
            program = self.random.choice(list(self._vms))
            self._vms[program].append(program.command("add-vm")["index"])
        else:
            vcpus = self.random.randint(1, 3)
            self._vms[self._host.micro_vmm("--guest", "idle", "--vcpus", vcpus)] = [0]

    def destroy_one(self):
        """With a chance of 1 in 3 its process, with all its VMs, by SIGKILL."""
        program = self.random.choice(list(self._vms))
        indices = self._vms[program]
        if len(indices) > 1 and self.random.random() < 0.67:
            index = indices.pop(self.random.randrange(len(indices)))
            program.command("close-vm", index)
        else:
            del self._vms[program]
            program.kill()
