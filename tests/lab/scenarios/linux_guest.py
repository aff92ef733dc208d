"""A Linux guest in a real QEMU: what its own clock does at a pause and at corrections, by its clocksource."""

import time

from labhost import documents, linux_guest
from labhost.corrector import Corrector
from labhost.day import Day

DEADLINE = 600
SWEEP = 1.0
PAUSE = 4
FORTH, BACK = 5, -3
BACKWARDS = ("--allow", "backwards", "--allow", "large_step")
SLACK = 1.5  # seconds between a question and its answer on an emulated host under load
ATTEMPTS = 6  # labhost.linux_guest says why


def run(host):
    documents.check_table(host, "docs/what-a-guest-notices.md", [
        *followed_to_the_end(host, "kvm-clock"),
        *followed_to_the_end(host, "tsc", "clocksource=tsc tsc=reliable")])


def followed_to_the_end(host, *guest):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return followed(host, *guest)
        except linux_guest.GuestDied as death:
            host.check(f"a guest of the emulated host died, attempt {attempt} of {ATTEMPTS}", attempt < ATTEMPTS,
                       words=str(death)[-300:])
    return []


def followed(host, clocksource, parameters=""):
    """The rows of the table."""
    on_tsc, table = clocksource == "tsc", []
    corrector = Corrector(host)
    with linux_guest.running(host, "web-1", parameters) as guest, \
            host.exporter(*corrector.flags, sweep=SWEEP) as exporter:
        day = Day(host, exporter, corrector, "web-1", guest)
        day.after(f"a Linux guest on {clocksource} has booted", skews={0: 0}, steps={0: (0, 1, 2)})

        def at(event, act, words, jump, **seen):
            """`jump` of the guest's clock against the host's, in seconds; None: as much as act() says."""
            messages, ahead = guest.run("dmesg | wc -l"), guest.ahead()
            acted = act()
            expected = acted if jump is None else jump
            day.after(f"{clocksource}: {event}", skews={0: 0}, **seen)
            jumped = guest.ahead() - ahead
            host.check(f"  the guest's own clock {words}", abs(jumped - expected) < SLACK, jumped=round(jumped, 2),
                       expected=round(expected, 2))
            host.check("  it never goes back", not guest.went_back)
            host.check_equal("  its kernel logs nothing", guest.run("dmesg | wc -l"), messages)
            host.check_equal("  and keeps its clocksource", guest.clocksource(), clocksource)
            table.append(f"| {event} | {clocksource} | {words} | nothing |")

        at("stop, a pause, cont", lambda: pause(guest.qemu),
           *(("goes on, through the pause", 0) if on_tsc else ("stands still for the pause", None)),
           steps={0: 0}, moved=(PAUSE, 3 * PAUSE))
        at(f"corrected by +{FORTH} s", lambda: shift(host, corrector, FORTH),
           *(("jumps ahead by the step", FORTH) if on_tsc else ("goes on", 0)), steps={0: 1}, moved=(FORTH, FORTH))
        at(f"corrected by {BACK} s", lambda: shift(host, corrector, BACK, *BACKWARDS),
           *(("stands still for as long as the step", BACK) if on_tsc else ("goes on", 0)), steps={0: 1},
           moved=(BACK, BACK))
        guest.qemu.command("quit")
        host.check_equal("the service logs no error", exporter.errors(), [])
    return table


def pause(qemu):
    """By how much the guest's clock falls behind."""
    qemu.command("stop")
    began = time.monotonic()
    time.sleep(PAUSE)
    qemu.command("cont")
    return began - time.monotonic()


def shift(host, corrector, seconds, *allow):
    status, done = corrector.run("correct", "web-1", "--shift-time", f"{seconds}s", "--yes", *allow)
    host.check("kvm-tsc correct --shift-time: corrected", status == 0 and done.get("verdict") == "corrected",
               seconds=seconds, error=done.get("error"), answer=None if status == 0 else done)
