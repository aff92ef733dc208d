"""A vCPU that no thread runs any more still counts: skewed, unplugged, corrected, the master clock back.

QEMU ends the thread of an unplugged vCPU and keeps its descriptor, and KVM keeps counting it. Here the test
VMM does so. Another VM has a vCPU that never ran.
"""

from labhost import debugfs
from labhost.corrector import Corrector

DEADLINE = 180
SWEEP = 1.0
AHEAD = 3_000_000_019
VCPUS = 3
PARKED = 1


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--vcpus", VCPUS, "--guest", "stamp") as vmm, \
            host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        [vm] = exporter.metrics_when(
            lambda seen: any(len(seen.skews(vm)) == VCPUS and seen.master_clock(vm) == 1
                             for vm in seen.vms_of(vmm.pid))).vms_of(vmm.pid)
        common = debugfs.offsets(vmm.directory())[0]
        vmm.command("set-offset", PARKED, common + AHEAD)
        exporter.metrics_when(lambda seen: seen.skews(vm).get(PARKED, 0) > 0 and seen.master_clock(vm) == 0)
        vmm.command("end-thread", PARKED)
        seen = exporter.metrics_when(lambda seen: seen.skews(vm).get(PARKED, 0) > 0)
        host.check("the vCPU whose thread has ended is still shown, and skewed",
                   seen.skews(vm)[PARKED] > 0, skews=seen.skews(vm))
        status, plan = corrector.run("plan", vm)
        host.check_equal("a plan names every vCPU, and nothing speaks against it",
                         (status, [vcpu["id"] for vcpu in plan["vcpus"]], plan["objections"]),
                         (0, list(range(VCPUS)), []))
        status, done = corrector.run("correct", vm, "--yes")
        host.check_equal("corrected", (status, done.get("verdict")), (0, "corrected"),
                         error=done.get("error"), report=done.get("report"))
        host.check_equal("all three facts hold, the master clock among them",
                         [done["facts"][name] for name in ("read_back_equal", "offsets_equal", "master_clock")],
                         [True, True, True])
        held = {vcpu["id"]: vcpu["held_seconds"] for vcpu in done["report"]["vcpus"]}
        host.check("no guest was held on the vCPU that nobody runs", held[PARKED] == 0 and held[0] > 0,
                   held=held)
        host.check_equal("debugfs agrees", set(debugfs.offsets(vmm.directory()).values()), {common + AHEAD})
        host.check_equal("KVM_GET_CLOCK has its flags again", vmm.command("clock")["flags"], 0xe)
        status, undone = corrector.run("undo", done["id"], "--yes", "--allow", "backwards")
        host.check_equal("the undo writes it as well", (status, undone["verdict"]), (0, "corrected"),
                         error=undone.get("error"))
        host.check_equal("each has its old offset", debugfs.offsets(vmm.directory()),
                         {id: common + (AHEAD if id == PARKED else 0) for id in range(VCPUS)})
        host.check_equal("the service logs no error", exporter.errors(), [])
        never_ran(host, corrector, exporter)


def never_ran(host, corrector, exporter):
    """A VM none of whose vCPUs has run: its offsets can be set all the same."""
    with host.micro_vmm("--vcpus", 2, "--guest", "idle") as vmm:
        [vm] = exporter.metrics_when(
            lambda seen: any(len(seen.skews(vm)) == 2 for vm in seen.vms_of(vmm.pid))).vms_of(vmm.pid)
        common = debugfs.offsets(vmm.directory())[0]
        status, done = corrector.run("correct", vm, "--shift", AHEAD, "--yes")
        host.check_equal("a VM that never ran is corrected", (status, done.get("verdict")),
                         (0, "corrected"), error=done.get("error"))
        host.check_equal("  and debugfs agrees", set(debugfs.offsets(vmm.directory()).values()),
                         {common + AHEAD})
