"""A written offset moves the guest's own RDTSC by exactly that many ticks.

The host's TSC counts instructions here, so the way from the host's RDTSC to the guest's takes the same
number of ticks whenever nothing comes in between. The least lag (guest's RDTSC - host's RDTSC just before
KVM_RUN, micro-vmm's entry-lag) of many entries is that way plus the offset.
"""

from labhost import debugfs
from labhost.corrector import Corrector

ICOUNT = True
DEADLINE = 180
ENTRIES = 1000
# A large one, one that shows that ticks are told apart, and one that goes back.
CHANGES = (3_000_000_019, 7, -2_000_000_033)
UNTOUCHED, WRITTEN = 0, 1


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--vcpus", 2, "--guest", "stamp") as vmm:
        first = vmm.command("entry-lag", ENTRIES)["vcpus"]
        host.check("most entries take the shortest way",
                   all(vcpu["times"] > ENTRIES / 2 for vcpu in first),
                   of=ENTRIES, times=[vcpu["times"] for vcpu in first])
        lag = lags(vmm)
        host.check_equal("measured twice, the least lag is the same",
                         {vcpu["id"]: int(vcpu["least"]) for vcpu in first}, lag, lag=lag)
        host.check_equal("and the same on both vCPUs: no skew", skew(lag), 0)
        offsets = debugfs.offsets(vmm.directory())
        with host.exporter(*corrector.flags, sweep=1.0) as exporter:
            metrics = exporter.metrics_when(lambda seen: any(
                len(seen.skews(vm)) == 2 for vm in seen.vms_of(vmm.pid)))
            [vm] = metrics.vms_of(vmm.pid)
            for change in CHANGES:
                offsets[WRITTEN] += change
                lag = write(host, corrector, vmm, vm, lag, offsets[WRITTEN], change)
            host.check_equal("the service logs no error", exporter.errors(), [])
        host.check_equal("the vCPUs' skew in their own RDTSCs is the sum, to the tick", skew(lag),
                         sum(CHANGES), skew=skew(lag))
        host.check_equal("what remains of a lag without the offset is the way, the same for both",
                         lag[WRITTEN] - offsets[WRITTEN], lag[UNTOUCHED] - offsets[UNTOUCHED],
                         ticks=lag[UNTOUCHED] - offsets[UNTOUCHED])
        # None of ours: it shows that an error of one tick in the above would have been seen.
        vmm.command("set-offset", WRITTEN, offsets[WRITTEN] + 1)
        host.check_equal("one tick that the VMM writes itself is seen as one",
                         lags(vmm)[WRITTEN] - lag[WRITTEN], 1)


def write(host, corrector, vmm, vm, before, offset, change):
    """The lags after the service has written one vCPU's offset, which changes it by `change`."""
    status, done = corrector.run("correct", vm, "--set", offset, "--vcpu", WRITTEN, "--yes",
                                 *(("--allow", "backwards") if change < 0 else ()))
    host.check_equal(f"{change:+} ticks are written", (status, done.get("verdict")), (0, "corrected"),
                     error=done.get("error"))
    after = lags(vmm)
    host.check_equal("  the vCPU's own RDTSC has moved by exactly that", after[WRITTEN] - before[WRITTEN],
                     change, ticks=after[WRITTEN] - before[WRITTEN])
    host.check_equal("  the other vCPU's has not moved", after[UNTOUCHED] - before[UNTOUCHED], 0)
    return after


def lags(vmm):
    """{vCPU id: the least lag in ticks}"""
    return {vcpu["id"]: int(vcpu["least"]) for vcpu in vmm.command("entry-lag", ENTRIES)["vcpus"]}


def skew(lag):
    return lag[WRITTEN] - lag[UNTOUCHED]
