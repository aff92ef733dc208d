"""A vCPU is set apart behind the service's back: alertable, planned, corrected, undone, audited."""

import time

from labhost import debugfs, guest_view
from labhost.corrector import Corrector

ICOUNT = True  # its time stands still when the machine is busy, and so do the deadlines of a hold
DEADLINE = 180
SWEEP = 1.0
AHEAD = 3_000_000_019
MASTER_CLOCK = 0xe
ENGINEER = ("token:lab", "unix")  # who, from where: as the audit says


def run(host):
    corrector = Corrector(host)
    with host.micro_vmm("--vcpus", 2) as vmm:
        with host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
            vm = known_vm(exporter, vmm)
            common = debugfs.offsets(vmm.directory())[0]
            host.check_equal("the master clock is on at first", flags(host, vmm), MASTER_CLOCK)
            before = kvmclock(vmm)
            vmm.command("set-offset", 1, common + AHEAD)
            metrics = exporter.metrics_when(
                lambda seen: seen.skews(vm).get(1, 0) > 0 and seen.master_clock(vm) == 0)
            host.check("the skew is on /metrics", abs(metrics.skews(vm)[1] / AHEAD - 1) < 1e-4,
                       ticks=metrics.skews(vm))
            host.check_equal("and exact in kvm-tsc show",
                             [vcpu["skew_ticks"] for vcpu in corrector.run("show", vm)[1]["vcpus"]],
                             ["0", str(AHEAD)])
            host.check_equal("one odd vCPU costs the master clock", metrics.master_clock(vm), 0)
            host.check_equal("KVM_GET_CLOCK says the same", flags(host, vmm), 0)

            plan_and_correct(host, corrector, vmm, vm, common, before)
            host.check_equal("the service logs no error", exporter.errors(), [])


def plan_and_correct(host, corrector, vmm, vm, common, before):
    status, plan = corrector.run("plan", vm)
    host.check_equal("a plan is made", status, 0)
    host.check_equal("it aligns every vCPU to the one ahead",
                     [vcpu["then"] for vcpu in plan["vcpus"]], [str(common + AHEAD)] * 2)
    host.check_equal("nothing speaks against it", plan["objections"], [])
    host.check_equal("a plan changes nothing", debugfs.offsets(vmm.directory())[0], common)

    status, done = corrector.run("correct", vm, "--plan", plan["id"], "--yes", "--reason", "lab")
    host.check_equal("corrected", (status, done["verdict"]), (0, "corrected"), error=done["error"])
    host.check_equal("all three facts hold",
                     [done["facts"][name] for name in ("read_back_equal", "offsets_equal", "master_clock")],
                     [True, True, True])
    host.check_equal("the writer says applied", done["report"]["outcome"], "applied")
    host.check_equal("debugfs has the offset", set(debugfs.offsets(vmm.directory()).values()),
                     {common + AHEAD})
    host.check_equal("KVM_GET_CLOCK's flags are back", flags(host, vmm), MASTER_CLOCK)
    seen = guest_view.offsets(vmm)
    skew = guest_view.skew(seen[1], seen[0])
    host.check("the vCPUs' own RDTSCs agree", 0 in skew, bound=skew.width // 2)
    after = kvmclock(vmm)
    jump = (after[0] - before[0]) - (after[1] - before[1])
    host.check("the kvmclock did not jump (KVM_GET_CLOCK, within the noise of asking for it)",
               abs(jump) < 0.1, seconds=round(jump, 5))
    audited(host, corrector, plan, done, vm)

    status, refused = corrector.run("undo", done["id"], "--yes")
    host.check_equal("an undo that goes back is refused", (status, refused["status"]), (1, 422))
    event = max(events(corrector, "refused"), key=lambda one: one["at"])
    host.check_equal("the audit has the refusal: who, from where, of which VM, why",
                     (event["what"], event["who"], event["from"], event["vm"],
                      "backwards" in event["details"]["error"]["message"]),
                     ("refused", *ENGINEER, vm, True), details=event["details"])
    status, undone = corrector.run("undo", done["id"], "--yes", "--allow", "backwards")
    host.check_equal("and done when it is allowed by name", (status, undone["verdict"]), (0, "corrected"),
                     error=undone["error"])
    offsets = debugfs.offsets(vmm.directory())
    host.check_equal("the old offsets are back", offsets, {0: common, 1: common + AHEAD})
    host.check_equal("the audit has the undo step by step", corrector.audit(undone["id"]),
                     ["requested", "applying", "written", "finished"])
    [finished] = events(corrector, "finished", undone["id"])
    host.check_equal("and of what it is the undo, from what to what",
                     (finished["details"]["undo_of"], before_and_after(finished["details"])),
                     (done["id"], {0: (common + AHEAD, common), 1: (common + AHEAD,) * 2}))


def audited(host, corrector, plan, done, vm):
    """Who, from where, what, before, after and verdict."""
    [planned] = [event for event in events(corrector, "planned")
                 if event["details"]["id"] == plan["id"]]
    host.check_equal("the audit has the plan: who, from where, of which VM",
                     (planned["who"], planned["from"], planned["vm"]), (*ENGINEER, vm))
    host.check_equal("and each offset, now and then",
                     [(vcpu["now"], vcpu["then"]) for vcpu in planned["details"]["vcpus"]],
                     [(vcpu["now"], vcpu["then"]) for vcpu in plan["vcpus"]])
    host.check_equal("the audit has the correction step by step", corrector.audit(done["id"]),
                     ["requested", "applying", "written", "finished"])
    [finished] = events(corrector, "finished", done["id"])
    details = finished["details"]
    host.check_equal("who, from where, of which VM, why, with what verdict",
                     (finished["who"], finished["from"], finished["vm"], details["reason"],
                      details["verdict"]), (*ENGINEER, vm, "lab", "corrected"))
    host.check_equal("each offset before and after is what the plan said", before_and_after(details),
                     {vcpu["id"]: (int(vcpu["now"]), int(vcpu["then"])) for vcpu in plan["vcpus"]})


def events(corrector, what, correction=None):
    return [event for event in reversed(corrector.run("log", "--limit", 1000)[1])
            if event["what"] == what and correction in (None, event["correction"])]


def before_and_after(correction):
    """{vCPU id: (offset before, offset read back)}"""
    return {vcpu["id"]: (int(vcpu["before"]), int(vcpu["read_back"]))
            for vcpu in correction["report"]["vcpus"]}


def known_vm(exporter, vmm):
    metrics = exporter.metrics_when(lambda seen: any(
        len(seen.skews(vm)) == 2 and seen.master_clock(vm) is not None for vm in seen.vms_of(vmm.pid)))
    [vm] = metrics.vms_of(vmm.pid)
    return vm


def kvmclock(vmm):
    """(kvmclock, monotonic clock of the host) in seconds, as the VMM itself gets them."""
    answer = vmm.command("clock")
    return int(answer["clock_ns"]) / 1e9, time.monotonic()


def flags(host, vmm):
    """KVM_GET_CLOCK's, asked by the VMM itself, once the vCPUs have run."""
    return vmm.command("clock")["flags"]
