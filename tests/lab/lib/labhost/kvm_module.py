"""KVM as this host has loaded it, replaced for a while by one that accepts a TSC offset and ignores it.

Guests with a protected TSC and some hosts' KVM behave so; the lab's processors have neither. What is
loaded instead is the host's own kvm.ko with one instruction changed: kvm_vcpu_write_tsc_offset(), through
which every offset comes to its vCPU (arch/x86/kvm/x86.c), returns at once. The ioctl still returns 0.
"""

import contextlib
import os
import struct
import subprocess

LOADED = "/proc/1/root/modules"  # where this host's init took its modules from
FUNCTION = b"kvm_vcpu_write_tsc_offset"
TRACED_CALL = 5  # bytes of a function's first instruction, which belongs to ftrace
RETURN = b"\xc3"
SIGNED = b"~Module signature appended~\n"


@contextlib.contextmanager
def ignoring_offsets(scratch):
    """No VM may exist when this begins or ends."""
    with open(os.path.join(LOADED, "kvm.ko"), "rb") as file:
        module = bytearray(file.read())
    at = file_offset(module, FUNCTION) + TRACED_CALL
    module[at:at + 1] = RETURN
    changed = os.path.join(scratch, "kvm.ko")
    with open(changed, "wb") as file:
        file.write(module.removesuffix(SIGNED))  # an unsigned module loads; one with a wrong signature not
    load(changed)
    try:
        yield
    finally:
        load(os.path.join(LOADED, "kvm.ko"))


def load(kvm):
    with open(os.path.join(LOADED, "order"), encoding="ascii") as file:
        options = dict((line + " ").split(" ", 1) for line in file.read().splitlines())
    run("rmmod", "kvm-amd", "kvm")
    run("insmod", kvm)
    run("insmod", os.path.join(LOADED, "kvm-amd.ko"), *options["kvm-amd.ko"].split())


def run(*command):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    subprocess.run(command, check=True, env={**os.environ, "PATH": path}, timeout=30)


def file_offset(elf, function):
    """Where a function's code is in a relocatable object: ELF-64, as elf(5) has it."""
    (sections_at,) = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3a)
    # type, file offset, size, link of each section
    sections = [struct.unpack_from("<4xI16xQQI", elf, sections_at + i * size) for i in range(count)]
    [(_, symbols_at, length, names)] = [section for section in sections if section[0] == 2]
    names_at = sections[names][1]
    for at in range(symbols_at, symbols_at + length, 24):
        name, section, value = struct.unpack_from("<I2xHQ", elf, at)
        if elf.startswith(function + b"\0", names_at + name):
            return sections[section][1] + value
    raise ValueError(f"kvm.ko has no function {function.decode()}")
