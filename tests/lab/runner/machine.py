"""Machine: one lab host, that is one QEMU process of ours emulating a KVM-capable PC.

The host talks to us through two pairs of sockets: its serial console (text) and a virtio-serial port
named "lab" (JSON, one message a line), so that kernel messages cannot garble results. No TCP port
and no file is involved. A Machine's QEMU dies with the thread that started it, however that ends.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import urllib.parse

# Not thread=multi: with it QEMU 7.2 may translate a page of code while another processor writes to it
# and then keeps executing the old code. Linux patches its own code all the time (static keys, ftrace),
# and one host in ten ended in an endless loop of breakpoints. It is the faster of the two as well.
ACCELERATOR = "tcg,thread=single"
# The TSC counts instructions, 8 ticks each, and idle time as it passes: the same path through the kernel
# takes the same number of ticks. With shift=0 the kernel's loops that wait for some ms never seem to end;
# with sleep=off idle time flies, and every timeout passes while a file is read. One processor: of two,
# one spins for 100 ms of its time before the other gets its turn, and the second does not come up.
ICOUNT = "shift=3,sleep=on"
MEMORY_MIB = 2048
CPUS = 2
COMMAND_LINE = ("console=ttyS0 quiet panic=-1 oops=panic tsc=reliable clocksource=tsc mitigations=off "
                "random.trust_cpu=on")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def qemu_command(image, source, *, name="a", address="", mode="agent", append="", icount=False):
    """The arguments that all hosts share, whoever they talk to."""
    parameters = [COMMAND_LINE, f"lab.mode={mode}", f"lab.source={urllib.parse.quote(str(source))}"]
    if address:
        parameters.append(f"lab.address={address}")
    return [
        "qemu-system-x86_64", "-name", f"lab-host-{name}", "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot",
        "-accel", ACCELERATOR, "-cpu", "max,+svm", "-smp", "1" if icount else str(CPUS), "-m", str(MEMORY_MIB),
        "-kernel", str(image.kernel), "-initrd", str(image.initrd),
        "-append", " ".join([*parameters, append]),
        "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
        *(["-icount", ICOUNT] if icount else []),
    ]


class Machine:
    """`wire`, where given, is one end of a connected stream socket; the other is the peer's."""

    def __init__(self, image, source, *, name="a", address="", wire=None, append="",
                 icount=False):
        self.name = name
        self.console, console_end = socket.socketpair()
        self.port, port_end = socket.socketpair()
        command = qemu_command(image, source, name=name, address=address, append=append,
                               icount=icount)
        command += [
            "-chardev", f"socket,id=console,fd={console_end.fileno()}", "-serial", "chardev:console",
            "-chardev", f"socket,id=port,fd={port_end.fileno()}",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port,name=lab",
        ]
        inherited = [console_end, port_end]
        if wire is not None:
            inherited.append(wire)
            command += ["-netdev", f"socket,id=wire,fd={wire.fileno()}",
                        "-device", f"virtio-net-pci,netdev=wire,mac=52:54:00:07:00:{ord(name[0]):02x}"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console_end, stderr=subprocess.STDOUT,
            pass_fds=[end.fileno() for end in inherited], preexec_fn=die_with_parent,
            start_new_session=True)  # a Ctrl-C is for us to handle
        for end in inherited:
            end.close()
        self.console.setblocking(False)
        self.port.setblocking(False)
        self._partial = b""

    def send(self, message):
        """One message to the agent; it reads when it is idle, so messages must stay few and short."""
        self.port.sendall(json.dumps(message).encode() + b"\n")

    def received(self):
        """(messages that have arrived, whether the port is still open). A message is a dict, or text
        where the line was not JSON. Does not block."""
        data, is_open = drain(self.port)
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [decode(line) for line in lines if line.strip()], is_open

    def console_text(self):
        """What the console said since the last call. Does not block."""
        return drain(self.console)[0].decode(errors="replace").replace("\r", "")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.console.close()
        self.port.close()


def drain(end):
    data = b""
    while True:
        try:
            part = end.recv(65536)
        except BlockingIOError:
            return data, True
        except ConnectionResetError:
            return data, False
        if not part:
            return data, False
        data += part


def decode(line):
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else line.decode(errors="replace")


def become_shell(image, source):
    """Replaces this process by a host whose console is the terminal."""
    command = qemu_command(image, source, mode="shell")
    command += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
    os.execvp(command[0], command)
