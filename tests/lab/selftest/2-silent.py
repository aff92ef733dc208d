"""A scenario that checks nothing."""


def run(host):
    print(f"host {host.name} says nothing")
