"""Day: stages of one VM's life, each held against what the service says of it and what its guest sees."""

from labhost import debugfs, three_views

SETTLES = 40  # seconds in which two sweeps agree and the clock has been read, on an emulated host under load


def row(event, skews, steps, master_clock, moved, means):
    """One line of the table, made of what the stage is held against."""
    def by_vcpu(values, zero):
        told = [f"vCPU {vcpu}: {text}" for vcpu, text in values.items() if text != zero]
        same = len(told) == len(values) > 1 and len({text for text in values.values()}) == 1
        return f"{next(iter(values.values()))} each" if same else ", ".join(told) or zero
    ticks = by_vcpu({vcpu: f"{one:+,}" if one else "0" for vcpu, one in skews.items()}, "0")
    counts = by_vcpu({vcpu: "0" if more == 0 else f"+{more}" if isinstance(more, int) else
                      " or ".join(f"+{one}" if one else "0" for one in more) for vcpu, more in steps.items()}, "0")
    drift = means or ("as before" if moved == (0, 0) else "not compared")
    return f"| {event} | {ticks} | {counts} | {master_clock} | {drift} |"


class Day:
    """`vm` is followed by `exporter` and `corrector`'s kvm-tsc; `guest` answers for itself."""

    def __init__(self, host, exporter, corrector, vm, guest):
        self.host = host
        self._exporter, self._corrector, self._vm, self._guest = exporter, corrector, vm, guest
        self._steps = {}
        self._divergence = None
        self.table = []  # a row of docs/what-you-see.md for each stage: what was held against the service

    def after(self, event, *, skews, steps, master_clock="yes", moved=(0, 0), means=None, guest=()):
        """Waits until /metrics, the API and kvm-tsc show all say that, and checks that the guest's own
        RDTSCs agree for the vCPUs `guest`. `skews`: ticks of each vCPU. `steps`: how many more than
        before, a number or the allowed ones. `moved`: least and most seconds by which the guest's TSC
        has moved against its kvmclock meanwhile; None where the stage before had none to compare with. `means`
        is that in words for the table. What the service read before this call counts for nothing: a
        sweep may have fallen between two of the event's writes."""
        self.table.append(row(event, skews, steps, master_clock, moved, means))
        expected = {vcpu: {self._steps.get(vcpu, 0) + one for one in ((more,) if isinstance(more, int) else more)}
                    for vcpu, more in steps.items()}

        began = self._clock_readings(self._exporter.metrics())

        def settled():
            seen, shown, text, current = self._look(began)
            return current and seen == shown and seen.trust == "trusted" and seen.master_clock == master_clock \
                and seen.skews == skews and seen.steps.keys() == expected.keys() \
                and all(count in expected[vcpu] for vcpu, count in seen.steps.items()) \
                and text == ("trusted", master_clock) and self._has_moved(seen.divergence, moved) \
                and (seen, shown, text, current)
        seen, shown, text, current = self.host.wait_until(settled, SETTLES) or self._look(began)
        self.host.check_equal(f"{event}: /metrics", (seen.trust, seen.master_clock, seen.skews),
                              ("trusted", master_clock, skews))
        self.host.check("  with the offsets that KVM has, and a clock reading since", current)
        self.host.check("  its steps", seen.steps.keys() == expected.keys() and all(
            count in expected[vcpu] for vcpu, count in seen.steps.items()), steps=seen.steps, before=self._steps)
        self.host.check_equal("  the API says the same", shown, seen)
        self.host.check_equal("  and kvm-tsc show", text, ("trusted", master_clock))
        self._divergence_moved(seen.divergence, moved)
        for vcpu in guest:
            interval = self._guest.skew(vcpu)
            self.host.check(f"  vCPU {vcpu}'s own RDTSC agrees", seen.skews.get(vcpu) in interval,
                            shown=seen.skews.get(vcpu), low=interval.low, high=interval.high)
        self._steps = seen.steps

    def _look(self, began):
        metrics = self._exporter.metrics()
        [directory] = debugfs.directories_of(self._guest.qemu.pid)
        current = metrics.offsets(self._vm) == debugfs.offsets(directory) \
            and self._clock_readings(metrics) >= began + 2  # one of which may have been under way
        seen = three_views.on_metrics(metrics, self._vm)
        shown = three_views.in_answer(self._corrector.run("show", self._vm)[1])
        trust, clock = three_views.in_text(self._corrector.text("show", self._vm))
        return seen, shown, (trust.partition(":")[0], clock.partition(":")[0]), current

    @staticmethod
    def _clock_readings(metrics):
        return metrics.value("kvm_tsc_clock_read_hold_seconds_count") or 0

    def _has_moved(self, now, moved):
        """Also when there is nothing to compare; the clock is read less often than the offsets are."""
        before = self._divergence
        return None in (before, now, moved) or moved[0] - 0.1 <= now - before <= moved[1] + 0.1

    def _divergence_moved(self, now, moved):
        if None not in (self._divergence, now, moved):
            self.host.check("  the guest's TSC against its kvmclock", self._has_moved(now, moved),
                            seconds=round(now - self._divergence, 3), least=moved[0], most=moved[1])
        self._divergence = now
