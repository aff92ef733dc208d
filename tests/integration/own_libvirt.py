"""A real libvirt of the test's own: virtlogd and libvirtd, in namespaces of their own.

What libvirt writes to, and every socket that it could find, is in that mount namespace only: /run, /var and
/etc/libvirt are empty there, so that a libvirtd of the host is neither met nor disturbed. The user
libvirt-qemu and a /dev/kvm for group kvm, as a host with libvirt has them, are there too. All its processes,
its QEMUs among them, are in one PID namespace and end with it, however the test ends; the host sees them
under numbers of its own, as it sees any process.
"""

import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from demo_service import die_with_parent

PATIENCE = 120  # seconds; of a host that is emulated
KVM_CREATE_VM = 0xae01
USER = 64055  # libvirt-qemu's, in every Debian
PROGRAMS = {"virtlogd": "libvirt-daemon", "libvirtd": "libvirt-daemon", "virsh": "libvirt-clients",
            "qemu-system-x86_64": "qemu-system-x86", "unshare": "util-linux", "nsenter": "util-linux"}

# Control groups are unmounted because libvirt would make some beside the host's own, and nobody would
# remove them. The loop at the end reaps: libvirt takes a QEMU for alive until that has happened.
INIT = f"""set -e
exec 2>&1
for directory in /run /var /etc/libvirt; do mount -t tmpfs -o mode=755 tmpfs $directory; done
ln -s /run /var/run
mkdir -p /var/tmp /var/cache /var/log/libvirt /var/lib/libvirt /run/host
grep -v ^libvirt-qemu: /etc/passwd >/run/host/passwd
echo libvirt-qemu:x:{USER}:{USER}::/var/lib/libvirt:/usr/sbin/nologin >>/run/host/passwd
grep -vE '^(kvm|libvirt-qemu):' /etc/group >/run/host/group
printf 'kvm:x:{USER + 1}:libvirt-qemu\\nlibvirt-qemu:x:{USER}:\\n' >>/run/host/group
for name in passwd group; do mount --bind /run/host/$name /etc/$name; done
mknod /run/host/kvm c 10 232
chown root:kvm /run/host/kvm
chmod 660 /run/host/kvm
mount --bind /run/host/kvm /dev/kvm
while mountpoint -q /sys/fs/cgroup; do umount -R /sys/fs/cgroup; done
mount -t sysfs sysfs /sys
virtlogd -d
libvirtd -d
virsh uri
echo ready
exec >/dev/null 2>&1
while sleep 60; do :; done"""

DOMAIN = """<domain type='kvm'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu current='{vcpus}'>{most}</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact' check='none'>
    <model fallback='allow'>qemu64</model>
    <feature policy='disable' name='svm'/>
  </cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
</domain>
"""


def missing():
    """What this machine lacks for it, in words."""
    if os.geteuid() != 0:
        return ["root"]
    # libvirt's daemons are in a directory that not every $PATH has.
    os.environ["PATH"] = os.environ["PATH"] + ":/usr/sbin:/sbin"
    lacking = [f"{program} (package {package}; scripts/install-packages.sh test)"
               for program, package in PROGRAMS.items() if shutil.which(program) is None]
    try:
        with open("/dev/kvm", "rb+", buffering=0) as kvm:
            os.close(fcntl.ioctl(kvm, KVM_CREATE_VM, 0))
    except OSError as error:
        lacking.append(f"/dev/kvm that creates VMs ({error.strerror})")
    return lacking


class OwnLibvirt:
    """`with OwnLibvirt() as libvirt:` gives it ready; afterwards none of its processes is left."""

    def __init__(self):
        self._unshare, self._init = None, None

    def __enter__(self):
        self._unshare = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", INIT],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=lambda: die_with_parent(signal.SIGKILL))  # it waits with SIGTERM blocked
        said = []
        for line in self._unshare.stdout:
            if line == "ready\n":
                threads = pathlib.Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}")
                [self._init] = map(int, (threads / "children").read_text(encoding="ascii").split())
                return self
            said.append(line)
        self.end()
        raise RuntimeError("libvirt does not come up: " + "".join(said))

    def __exit__(self, kind, *_):
        if kind is not None:
            self.tell()
        self.end()

    def end(self):
        """Returns once the kernel has ended every process of the namespace. May be called again."""
        if self._unshare.poll() is None:
            if self._init is not None:
                os.kill(self._init, signal.SIGKILL)
            else:
                self._unshare.kill()
        self._unshare.wait()
        self._unshare.stdout.close()

    def inside(self, *command, given=None):
        """What a command says there: a CompletedProcess, its stderr in its stdout."""
        where = ["nsenter", f"--target={self._init}", "--mount", "--net", "--pid", "--root", "--wd"]
        return subprocess.run([*where, *command], input=given, text=True,
                              stdin=None if given else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)

    def virsh(self, *words, given=None):
        """What virsh prints; RuntimeError where it fails."""
        done = self.inside("virsh", *words, given=given)
        if done.returncode != 0:
            raise RuntimeError(f"virsh {' '.join(words)}: {done.stdout.strip()}")
        return done.stdout.strip()

    def create(self, name, uuid, vcpus, most, memory=64):
        """A transient domain that runs its firmware; gives its QEMU's pid, as the host counts."""
        self.virsh("create", "/proc/self/fd/0",
                   given=DOMAIN.format(name=name, uuid=uuid, vcpus=vcpus, most=most, memory=memory))
        return self.pid_of(uuid)

    def pid_of(self, uuid):
        """Of the QEMU of this namespace with that uuid."""
        ours = os.stat(f"/proc/{self._init}/ns/pid").st_ino
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if uuid.encode() in words and os.stat(entry / "ns/pid").st_ino == ours:
                    return int(entry.name)
            except OSError:
                continue  # it has ended meanwhile
        raise RuntimeError(f"no QEMU with uuid {uuid}")

    def tell(self):
        """Prints its logs, for whoever has to find out why."""
        print(self.inside("sh", "-c", "tail -n 15 /var/log/libvirt/*.log /var/log/libvirt/qemu/*.log").stdout,
              file=sys.stderr)
