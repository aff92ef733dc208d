"""ThreeViews: what /metrics, the API and `kvm-tsc show` say of one VM at one time, as one set of facts."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Facts:
    """`skews` in ticks and `steps` by vCPU. `master_clock` is "yes", "no", or "not known". `divergence` of the
    guest's TSC from its kvmclock in seconds, None where it is not known."""
    trust: str | None
    master_clock: str
    skews: dict
    steps: dict
    divergence: float | None = dataclasses.field(compare=False)


MASTER_CLOCK = {1: "yes", 0: "no", None: "not known"}


def on_metrics(metrics, vm):
    trust = metrics.trust_state(vm)
    skews = metrics.skews(vm) if metrics.series("kvm_tsc_vcpu_skew_seconds", vm=vm) else {}
    return Facts(None if trust == "unreadable" else trust, MASTER_CLOCK[metrics.master_clock(vm)],
                 {id: round(ticks) for id, ticks in skews.items()}, metrics.steps(vm),
                 metrics.value("kvm_tsc_vm_kvmclock_divergence_seconds", vm=vm))


def in_answer(shown):
    """Of the API's answer, which is what kvm-tsc --json show prints."""
    vcpus = shown["vcpus"]
    return Facts(shown["trust"], MASTER_CLOCK[shown["master_clock"]],
                 {vcpu["id"]: int(vcpu["skew_ticks"]) for vcpu in vcpus if vcpu["skew_ticks"] is not None},
                 {vcpu["id"]: int(vcpu["steps"]) for vcpu in vcpus},
                 shown["kvmclock_divergence_seconds"])


def in_text(text):
    """Of the text that kvm-tsc show prints: (trust, master clock), each with the words after it."""
    lines = dict((line[:22].strip(), line[22:]) for line in text.splitlines())
    return lines.get("trust", ""), lines.get("master clock", "")
