"""A plain reading of KVM's debugfs files, by code that shares nothing with the product's."""

import os

KVM = "/sys/kernel/debug/kvm"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def directories():
    """Names of all VMs' directories, <creator TID>-<fd>, sorted."""
    return sorted(entry.name for entry in os.scandir(KVM) if entry.is_dir())


def offsets(directory):
    """{vCPU id: offset in ticks} of one VM, ascending by id."""
    with os.scandir(os.path.join(KVM, directory)) as entries:
        ids = sorted(int(entry.name[4:]) for entry in entries if entry.name.startswith("vcpu"))
    return {id: int(read(f"{KVM}/{directory}/vcpu{id}/tsc-offset")) for id in ids}


def directories_of(pid):
    """Those whose creator is a thread of the process, while that thread lives."""
    threads = set(os.listdir(f"/proc/{pid}/task"))
    return [name for name in directories() if name.partition("-")[0] in threads]
