"""A host whose kernel panics."""


def run(host):
    host.check("what holds", True)
    with open("/proc/sysrq-trigger", "w", encoding="ascii") as trigger:
        trigger.write("c")
