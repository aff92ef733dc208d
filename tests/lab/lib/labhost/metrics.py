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

    def mentions(self, vm):
        """Every series' name that carries this VM's label."""
        return sorted(name for name, found in self._series.items()
                      if any(labels.get("vm") == vm for labels, _ in found))


def unescaped(labels):
    return {name: re.sub(r"\\.", lambda match: ESCAPES[match.group()], value)
            for name, value in LABEL.findall(labels)}
