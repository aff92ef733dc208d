"""A vCPU whose offset is another one at every sweep is said to move, and to hold still when it does."""

import json
import time

SWEEP = 1.0
STEP = 50_000_000


def run(host):
    with host.micro_vmm("--vcpus", 2) as vmm, host.exporter(sweep=SWEEP) as exporter:
        metrics = exporter.metrics_when(lambda seen: any(
            len(seen.skews(vm)) == 2 for vm in seen.vms_of(vmm.pid)))
        [vm] = metrics.vms_of(vmm.pid)
        common = metrics.offsets(vm)[0]
        host.check_equal("it is trusted at first", trust(metrics, vm), (1, "trusted"))

        ahead = 0
        moving = metrics
        until = time.monotonic() + 15
        while moving.trust_state(vm) == "trusted" and time.monotonic() < until:
            ahead += STEP
            vmm.command("set-offset", 1, common + ahead)
            time.sleep(SWEEP / 2)
            moving = exporter.metrics()
        host.check_equal("written twice a sweep, it is changing", trust(moving, vm), (0, "changing"))
        host.check("each sweep that saw another offset counted a step", moving.steps(vm)[1] >= 3,
                   steps=moving.steps(vm))
        host.check("the spread is that of the last reading",
                   STEP <= moving.skews(vm)[1] * 1.000001 and moving.skews(vm)[1] <= ahead + 1,
                   ticks=moving.skews(vm)[1], written=ahead)
        host.check("and has the movement for its bound",
                   moving.value("kvm_tsc_vm_skew_bound_seconds", vm=vm) > 0)
        shown = json.loads(exporter.get("/api/v1/vms/" + vm)[1])
        host.check("the API names the vCPU", "vCPU 1" in (shown["trust_reason"] or ""),
                   reason=shown["trust_reason"])

        vmm.command("set-all-offsets", common)
        still = exporter.metrics_when(lambda seen: trust(seen, vm) == (1, "trusted"))
        host.check_equal("set right and left alone, it has no skew, and exactly so",
                         (set(still.skews(vm).values()),
                          still.value("kvm_tsc_vm_skew_bound_seconds", vm=vm)), ({0.0}, 0.0))


def trust(metrics, vm):
    return metrics.value("kvm_tsc_vm_trusted", vm=vm), metrics.trust_state(vm)
