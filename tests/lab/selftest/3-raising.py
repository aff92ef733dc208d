"""An exception after a check that was ok."""


def run(host):
    host.check("what holds", True)
    raise ValueError("a mishap")
