"""What guests themselves see of their TSC, as micro-vmm's "tsc" command reports it.

A guest stored RDTSC at some moment in which the host's TSC lay in [before, after]; so its offset lies
in [tsc - after, tsc - before]. No interface of KVM takes part. (Ratio 1 throughout: the lab's hosts
have no TSC scaling.)
"""

import dataclasses

from labhost.micro_vmm import CommandFailed

ATTEMPTS = 5  # micro-vmm waits half a second for a guest; a busy machine may give it no processor

@dataclasses.dataclass(frozen=True)
class Interval:
    low: int
    high: int

    def __contains__(self, ticks):
        return self.low <= ticks <= self.high

    @property
    def width(self):
        return self.high - self.low


def offsets(vmm, vm=0):
    """{vCPU id: Interval in which its offset lies}"""
    return {vcpu["id"]: Interval(int(vcpu["tsc"]) - int(vcpu["host_tsc_after"]),
                                 int(vcpu["tsc"]) - int(vcpu["host_tsc_before"]))
            for vcpu in ask(vmm, vm)["vcpus"]}


def ask(vmm, vm):
    for _ in range(ATTEMPTS - 1):
        try:
            return vmm.command(vm, "tsc")
        except CommandFailed:
            pass
    return vmm.command(vm, "tsc")


def skew(one, other):
    """Interval in which the skew of `one` against `other` lies, from their offsets' intervals."""
    return Interval(one.low - other.high, one.high - other.low)
