"""What a scenario uses inside a lab host. A scenario's run() gets a Host; all else hangs from it."""

from labhost.host import Host

__all__ = ["Host"]
