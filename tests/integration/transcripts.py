#!/usr/bin/env python3
"""The transcripts in the documents, made by running them.

    transcripts.py check BIN-DIR SOURCE-DIR    are they still what the commands say? status 1 if not
    transcripts.py write BIN-DIR SOURCE-DIR    writes those documents anew that no longer are

In a fenced block that begins with `$ `, each line that begins so is a command of bash, and what
follows, up to the next one, is what it printed on stdout and stderr. Each document is played from its
beginning against a demo of its own, whose token is in $TOKEN and $KVM_TSC_TOKEN. Before each command
all corrections have ended, as they will have when a person has typed it. Where the documents name the
default port and /sys, the demo's own are used, in the commands and back in what they print.

Only what VARYING names may differ between document and run.
Status 77 when a program that the commands use is missing.
"""

import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from demo_service import DemoService

# A document, and the headings of the sections in it whose blocks are played (None: all).
DOCUMENTS = (("docs/api.md", None), ("docs/kvm-tsc.md", None),
             ("README.md", ("## What it shows", "## Correcting")), ("docs/operations.md", ("## Start and stop",)),
             ("docs/security.md", ("## The file",)))
# Commands that are not played, by the document and how they begin, and what shows them instead.
NOT_PLAYED = {
    ("README.md", "qemu-system-x86_64"): "a real QEMU: integration attach_clock_test reads the same of one",
    ("README.md", "build/bin/kvm-tsc-exporter --web.listen-address=127.0.0.1:10091"): "beside that QEMU",
    ("README.md", "sleep 30; curl"): "beside that QEMU",
    ("docs/attaching.md", "qemu-system-x86_64"): "a real QEMU: integration attach_clock_test",
    ("docs/attaching.md", "kvm-tsc-exporter --web.listen-address=127.0.0.1:10091"): "beside that QEMU",
    ("docs/attaching.md", "sleep 30"): "beside that QEMU",
    ("docs/attaching.md", "curl -s 127.0.0.1:10091"): "beside that QEMU",
    ("docs/attaching.md", "grep -E 'State|TracerPid'"): "beside that QEMU",
    ("docs/operations.md", "curl -X POST 127.0.0.1:10098/-/reload"): "a changed file: integration "
                                                                    "lifecycle_test and demo_test",
    ("docs/libvirt.md", "kvm-tsc"): "beside a libvirt: lab.libvirt plays the document",
    ("docs/libvirt.md", "virsh"): "beside a libvirt: lab.libvirt",
    ("docs/lab.md", "make lab"): "the lab's tests, lab.hosts.*",
}
PROGRAMS = ("bash", "curl", "jq")
DEFAULT_ADDRESS = "127.0.0.1:10078"
PATIENCE = 30

# Ids differ, but the same one stays the same.
ID = r"\b[cp]-[0-9a-f]{16}\b"
# (pattern, what stands in for it)
VARYING = (
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<TIME>"),
    (r"\b127\.0\.0\.1:(?!10078\b)\d+", "<PEER>"),
    (r"\bsweep \d+\b", "sweep <N>"),
    (r"\b[0-9a-f]{64}\b", "<SHA256>"),
    # Measured: seconds and hertz come of the host's frequency. Zero is none, unless with a bound.
    (r"[+-]?(?<![\w.])(?!0 s(?! \+/-))\d+(\.\d+)? (ns|us|ms|s)\b", "<DURATION>"),
    (r"-?(?<![\w.])(?!0\.0\b)\d+\.\d+(e[+-]?\d+)?(?![\w.])", "<FIGURE>"),
    (r"\b\d{1,3}(,\d{3}){2,}(\.\d+)? Hz( \+/- [\d.]+ Hz)?", "<FREQUENCY>"),
    # What kvm-tsc doctor finds of the machine it runs on, and advises.
    (r"(?m)^(ok|warn|FAIL) +(KVM|TSC|CAP_SYS_PTRACE|ptrace_scope|PID namespace)  .*"
     r"(\n +-> .*)?", r"<HEALTH> \2 <FOUND>"),
    # Columns are as wide as the widest that is in them.
    (r"(?<=\S) +", " "),
    (r"(?m)^ +(?=WHAT +FOUND$)", ""),
)


class Transcript:
    """One command of a document and the lines it printed."""

    def __init__(self, line, command):
        self.line, self.command, self.shown, self.got = line, command, [], []


def read(text, section):
    """The document's lines, each command with its output as one Transcript."""
    parts, fence, wanted, current = [], False, section is None, None
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            fence, current = not fence, None
            played = fence and wanted and line == "```" and lines[number].startswith("$ ")
        elif not fence and section and line.startswith("## "):
            wanted = line in section
        elif fence and played and line.startswith("$ "):
            current = Transcript(number, line[2:])
            parts.append(current)
            continue
        if current:
            current.shown.append(line)
        else:
            parts.append(line)
    return parts


def without_varying(lines, ids):
    """The lines with names in place of what may differ; `ids` numbers those met so far."""
    text = re.sub(ID, lambda found: f"<ID{ids.setdefault(found[0], len(ids) + 1)}>", "\n".join(lines))
    for pattern, stand_in in VARYING:
        text = re.sub(pattern, stand_in, text)
    return text.splitlines()


def is_known(vm):
    return vm["spread_ticks"] is not None and vm["kvmclock_divergence_seconds"] is not None


def play(transcripts, bin_dir):
    """Runs the commands in order and notes what each printed."""
    with DemoService(f"{bin_dir}/kvm-tsc-exporter") as demo, tempfile.TemporaryDirectory() as home:
        demo.wait_until(lambda: is_known(demo.get_json("/api/v1/vms/sim-skewed")), "sim-skewed's skew")
        names = ((DEFAULT_ADDRESS, demo.address),)
        paths = (("/sys/kernel/debug", str(demo.debugfs)), ("/sys", str(demo.sysfs)))
        environment = {"PATH": f"{bin_dir}:{os.environ['PATH']}", "HOME": home, "LC_ALL": "C.UTF-8",
                       "KVM_TSC_SERVER": f"http://{demo.address}", "TOKEN": demo.token,
                       "KVM_TSC_TOKEN": demo.token}
        for transcript in transcripts:
            demo.wait_until(lambda: all(one["state"] == "done" for one in demo.get_json(
                "/api/v1/corrections")["corrections"]), "the end of all corrections")
            command = transcript.command
            for shown, real in names:
                command = command.replace(shown, real)
            if command.startswith("kvm-tsc doctor"):
                command = command.replace("doctor", f"doctor --path.sysfs={demo.sysfs} "
                                                    f"--path.debugfs={demo.debugfs}", 1)
            done = subprocess.run(["bash", "-c", command], cwd=home, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
            output = done.stdout
            for shown, real in names + paths:
                output = output.replace(real, shown)
            transcript.got = output.splitlines()


def differences(path, transcripts):
    """What a reader of the document would find to be otherwise, as lines to print."""
    lines, shown_ids, got_ids = [], {}, {}
    for transcript in transcripts:
        shown = without_varying(transcript.shown, shown_ids)
        got = without_varying(transcript.got, got_ids)
        if shown != got:
            lines += [f"{path}:{transcript.line}: $ {transcript.command}"]
            lines += list(difflib.unified_diff(shown, got, "document", "run", lineterm=""))
    return lines


def rewritten(parts):
    lines = []
    for part in parts:
        lines += [part] if isinstance(part, str) else ["$ " + part.command, *part.got]
    return "\n".join(lines) + "\n"


def unlisted(source_dir):
    """Commands in a document that are neither played nor among NOT_PLAYED."""
    played = dict(DOCUMENTS)
    for file in [*source_dir.glob("*.md"), *source_dir.glob("docs/*.md")]:
        path = str(file.relative_to(source_dir))
        text = file.read_text(encoding="utf-8")
        known = {one.line for one in read(text, played[path]) if isinstance(one, Transcript)} \
            if path in played else set()
        for one in read(text, None):
            if isinstance(one, Transcript) and one.line not in known and not any(
                    path == document and one.command.startswith(begin) for document, begin in NOT_PLAYED):
                yield f"{path}:{one.line}: $ {one.command}"


def main(mode, bin_dir, source_dir):
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        print("skipped: missing " + ", ".join(missing))
        return 77
    failed = False
    for command in unlisted(pathlib.Path(source_dir)):
        print(f"{command}\n  is neither run nor named in NOT_PLAYED, with what shows it instead")
        failed = True
    for path, section in DOCUMENTS:
        file = pathlib.Path(source_dir) / path
        parts = read(file.read_text(encoding="utf-8"), section)
        transcripts = [part for part in parts if isinstance(part, Transcript)]
        if not transcripts:
            print(f"{path}: no transcript in it")
            failed = True
            continue
        play(transcripts, bin_dir)
        found = differences(path, transcripts)
        if not found:
            print(f"{path}: {len(transcripts)} commands, all as shown")
        elif mode == "write":
            file.write_text(rewritten(parts), encoding="utf-8")
            print(f"{path}: {len(transcripts)} commands, written anew")
        else:
            failed = True
            print("\n".join(found))
    if failed:
        print("If the documents are to say what the run did: make transcripts")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("check", "write"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], *map(os.path.abspath, sys.argv[2:])))
