"""A check that fails."""


def run(host):
    host.check("what holds", True)
    host.check("what does not hold", False, seen=2, expected=3)
