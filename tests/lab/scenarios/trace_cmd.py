"""Tools that are not ours agree: Debian's trace-cmd on what was written, cat on what is there."""

import re
import subprocess

from labhost import debugfs

EVENT = re.compile(r"kvm_write_tsc_offset: +vcpu=(\d+) prev=(\d+) next=(\d+)")


def run(host):
    trace_cmd("start", "-e", "kvm:kvm_write_tsc_offset")
    with host.micro_vmm("--ids", "0,1,4", "--guest", "halt") as vmm, host.exporter() as exporter:
        common = debugfs.offsets(vmm.directory())[0]
        for id, step in ((1, 1_000_003), (4, -2_000_029)):
            vmm.command("set-offset", id, common + step)
        trace_cmd("stop")
        metrics = exporter.metrics_when(lambda seen: any(
            seen.offsets(vm).get(4) == common - 2_000_029 for vm in seen.vms_of(vmm.pid)))
        [vm] = metrics.vms_of(vmm.pid)

        written = {}  # vCPU -> the last offset that the tracepoint saw
        for id, _, offset in EVENT.findall(trace_cmd("show")):
            written[int(id)] = signed(int(offset))
        host.check_equal("/metrics shows what trace-cmd saw written", metrics.offsets(vm), written,
                         offsets=written)

        directory = f"{debugfs.KVM}/{vmm.directory()}"
        printed = {id: int(output("cat", f"{directory}/vcpu{id}/tsc-offset")) for id in (0, 1, 4)}
        host.check_equal("/metrics shows what cat prints", metrics.offsets(vm), printed)

        asked = {vcpu["id"]: int(vcpu["offset"]) for vcpu in vmm.command("offsets")["vcpus"]}
        host.check_equal("/metrics shows what the VMM's own ioctl reads", metrics.offsets(vm), asked)


def signed(bits):
    return bits - (1 << 64) if bits >> 63 else bits


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def trace_cmd(*arguments):
    return output("trace-cmd", *arguments)
