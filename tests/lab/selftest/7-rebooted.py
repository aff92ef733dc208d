"""A host that is lost is replaced."""


def run(host):
    host.check("what holds", True)
