"""The lab's image: a stock Debian kernel and an initramfs, prepared once and then re-used.

prepare() returns an Image, or raises Unavailable with the reason when this machine cannot make one
(no QEMU, package archive unreachable). Safe to call from several processes at once.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import lzma
import os
import pathlib
import shutil
import subprocess

PACKAGE = "linux-image-amd64"
# Drivers of the host's own devices, then KVM. What they depend on is found by modprobe.
MODULES = ("virtio_pci", "virtio_console", "virtio_net", "9pnet_virtio", "9p", "tun", "kvm-amd")
OPTIONS = {"kvm-amd": "nested=1"}
PROGRAMS = ("qemu-system-x86_64", "busybox", "cpio", "depmod", "modprobe", "dpkg", "apt-get")
APT_SECONDS = 300


class Unavailable(Exception):
    """The lab cannot run on this machine; the text says why."""


@dataclasses.dataclass(frozen=True)
class Image:
    kernel: pathlib.Path
    initrd: pathlib.Path
    release: str  # as uname -r


def prepare(cache, guest, say):
    """Image under `cache`, made of Debian's kernel and `guest`/init. `say` is told of slow steps."""
    missing = [program for program in PROGRAMS if not find_program(program)]
    if missing:
        raise Unavailable(f"missing {', '.join(missing)}; scripts/install-packages.sh lab installs them")
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tree, release = kernel_tree(cache, say)
        recipe = hashlib.sha256()
        for part in (pathlib.Path(__file__), guest / "init", pathlib.Path(find_program("busybox"))):
            recipe.update(part.read_bytes())
        directory = cache / f"image-{release}-{recipe.hexdigest()[:12]}"
        if not directory.is_dir():
            say(f"preparing the image {directory.name}")
            with built(directory) as unfinished:
                extract_kernel(tree / "boot" / f"vmlinuz-{release}", unfinished / "kernel")
                make_initramfs(tree, release, guest / "init", unfinished)
        return Image(directory / "kernel", directory / "initrd", release)


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@contextlib.contextmanager
def built(directory):
    """A directory that appears under its name only when complete."""
    unfinished = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    yield unfinished
    unfinished.rename(directory)


def kernel_tree(cache, say):
    """(directory, release) of the unpacked kernel package; the newest is fetched when none is there."""
    ready = sorted(cache.glob("kernel-*/boot/vmlinuz-*"))
    if not ready:
        say(f"fetching Debian's {PACKAGE}")
        package = resolve()
        directory = cache / f"kernel-{package}"
        with built(directory) as unfinished:
            download(package, unfinished)
            [archive] = unfinished.glob("*.deb")
            run(["dpkg", "-x", str(archive), str(unfinished)])
            archive.unlink()
            [kernel] = unfinished.glob("boot/vmlinuz-*")
            run(["depmod", "-b", str(unfinished), kernel.name.removeprefix("vmlinuz-")])
        ready = sorted(directory.glob("boot/vmlinuz-*"))
    kernel = ready[-1]
    return kernel.parent.parent, kernel.name.removeprefix("vmlinuz-")


def resolve():
    """The package that the metapackage stands for, as linux-image-6.1.0-56-amd64."""
    for attempt in ("as it is", "updated"):
        if attempt == "updated":
            update()
        listed = run(["apt-cache", "depends", PACKAGE], check=False).stdout
        for line in listed.splitlines():
            kind, _, name = line.strip().partition(": ")
            if kind == "Depends" and name.startswith("linux-image-"):
                return name
    raise Unavailable(f"apt knows no {PACKAGE}; the lab needs Debian's package archive")


def download(package, directory):
    command = ["apt-get", "download", "-q", package]
    if run(command, cwd=directory, check=False).returncode == 0:
        return
    update()  # the lists may be older than the archive
    done = run(command, cwd=directory, check=False)
    if done.returncode != 0:
        raise Unavailable(f"cannot download {package}: {last_line(done.stderr)}")


def update():
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and not shutil.which("sudo"):
        raise Unavailable("apt's package lists are out of date; as root run: apt-get update")
    done = run([*as_root, "apt-get", "update", "-q"], check=False)
    if done.returncode != 0:
        raise Unavailable(f"apt-get update failed: {last_line(done.stderr)}")


def extract_kernel(vmlinuz, target):
    """The ELF kernel inside vmlinuz: unpacking it here saves each boot 4 s under emulation."""
    packed = vmlinuz.read_bytes()
    start = packed.find(b"\xfd7zXZ\x00")
    try:
        kernel = lzma.LZMADecompressor().decompress(packed[start:]) if start >= 0 else b""
    except lzma.LZMAError:
        kernel = b""
    target.write_bytes(kernel if kernel.startswith(b"\x7fELF") else packed)


def make_initramfs(tree, release, init, directory):
    root = directory / "root"
    for folder in ("bin", "dev", "host", "modules", "proc", "source", "sys"):
        (root / folder).mkdir(parents=True)
    shutil.copy(find_program("busybox"), root / "bin" / "busybox")
    shutil.copy(init, root / "init")
    order = {}
    for module in MODULES:
        listed = run(["modprobe", "-C", "/dev/null", "-d", str(tree), "-S", release,
                      "--show-depends", module]).stdout
        for line in listed.splitlines():
            if line.startswith("insmod "):
                path = pathlib.Path(line.removeprefix("insmod ").strip())
                order[path.name] = OPTIONS.get(path.stem, "")
                shutil.copy(path, root / "modules" / path.name)
    (root / "modules" / "order").write_text(
        "".join(f"{name} {options}\n" for name, options in order.items()))
    files = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with open(directory / "initrd", "wb") as archive:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=files.encode(), stdout=archive,
                       cwd=root, check=True)
    shutil.rmtree(root)


def run(command, check=True, **options):
    environment = {**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    try:
        return subprocess.run(command, check=check, capture_output=True, text=True, env=environment,
                              stdin=subprocess.DEVNULL, timeout=APT_SECONDS, **options)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{' '.join(command)} took more than {APT_SECONDS} s") from late
    except subprocess.CalledProcessError as failed:
        raise Unavailable(f"{' '.join(command)}: {last_line(failed.stderr)}") from failed


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
