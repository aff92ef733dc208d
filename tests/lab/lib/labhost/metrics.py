"""Metrics: one scrape, parsed just far enough to be asked for series by name and labels."""

import re

SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class Metrics:
    def __init__(self, text):
        self.text = text
        self._series = {}  # name -> [(labels, value)]
        for line in text.splitlines():
            if line.startswith("#") or not line:
                continue
            name, labels, value = SAMPLE.match(line).groups()
            self._series.setdefault(name, []).append((unescaped(labels or ""), float(value)))

    def series(self, name, **labels):
        """[(labels, value)] of the series of that name which have these labels."""
        return [(own, value) for own, value in self._series.get(name, [])
                if all(own.get(key) == wanted for key, wanted in labels.items())]

    def value(self, name, **labels):
        """The value of the one such series; None when there is none. Two or more are an error."""
        found = self.series(name, **labels)
        if len(found) > 1:
            raise LookupError(f"{len(found)} series {name}{labels}")
        return found[0][1] if found else None

    def vms(self):
        """{vm: labels of its vm_info}"""
        return {labels["vm"]: labels for labels, _ in self.series("kvm_tsc_vm_info")}

    def per_vcpu(self, name, vm):
        """{vCPU id: value} of one VM, ascending by id."""
        found = {int(labels["vcpu"]): value for labels, value in self.series(name, vm=vm)}
        return dict(sorted(found.items()))

    def vms_of(self, pid):
        """The VMs of one process, as vms() names them."""
        return [vm for vm, labels in self.vms().items() if labels["pid"] == str(pid)]

    def offsets(self, vm):
        """{vCPU id: offset in ticks}. As integers: a lab host's offsets lie far within 2^53."""
        return {id: int(ticks) for id, ticks in self.per_vcpu("kvm_tsc_vcpu_offset_ticks", vm).items()}

    def skews(self, vm):
        """{vCPU id: skew in ticks}; seconds on the wire, so not an integer to the last digit."""
        frequency = self.value("kvm_tsc_vm_frequency_hertz", vm=vm)
        found = self.per_vcpu("kvm_tsc_vcpu_skew_seconds", vm)
        return {id: seconds * frequency for id, seconds in found.items()}

    def steps(self, vm):
        """{vCPU id: steps of its offset since the service has known it}"""
        found = self.per_vcpu("kvm_tsc_vcpu_offset_steps_total", vm)
        return {id: int(count) for id, count in found.items()}

    def master_clock(self, vm):
        """1 or 0; None where it is not known."""
        return self.value("kvm_tsc_vm_master_clock", vm=vm)

    def trust_state(self, vm):
        """The one state of its trust that is 1; None while the VM is not listed."""
        states = [labels["state"] for labels, value in self.series("kvm_tsc_vm_trust_state", vm=vm) if value]
        return states[0] if states else None

    def with_vm(self):
        """{name: number of series} of all that carry a label vm."""
        counts = {name: sum("vm" in labels for labels, _ in found)
                  for name, found in self._series.items()}
        return {name: count for name, count in counts.items() if count}


def unescaped(labels):
    return {name: re.sub(r"\\.", lambda match: ESCAPES[match.group()], value)
            for name, value in LABEL.findall(labels)}
