#!/usr/bin/env python3
"""Runs clang-tidy over our sources on all cores, and over those alone that changed since they were clean.

    scripts/clang-tidy.py BUILD [FILE...]

BUILD is a configured build folder with compile_commands.json; without files, all of ours are looked
at. A file that is clean leaves a stamp in build/lint, named by the hash of all that the outcome
depends on: clang-tidy's version, every .clang-tidy, the compile command, the file, and our headers
that it includes, directly or not. Prints progress and, of files that are not clean, what clang-tidy
says. Status 1 if there are any.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STAMPS = ROOT / "build" / "lint"
TOOL = "clang-tidy-14"
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


@functools.cache
def includes(path):
    """Our headers that the file names; they are all written from the root."""
    named = (ROOT / name.decode() for name in INCLUDE.findall(path.read_bytes()))
    return [header for header in named if header.is_file()]


def closure(source):
    seen, waiting = {source}, [source]
    while waiting:
        for header in includes(waiting.pop()):
            if header not in seen:
                seen.add(header)
                waiting.append(header)
    return sorted(seen)


def stamp_of(entry, setting):
    digest = hashlib.sha256(setting)
    digest.update(entry["command"].encode())
    for path in closure(ROOT / entry["file"]):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode())
        digest.update(content)
    return STAMPS / digest.hexdigest()


def check(build, source):
    done = subprocess.run([TOOL, "--quiet", "-p", build, source], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Its stderr counts the warnings that it suppressed, unless it could not work at all.
    said = done.stdout if done.stdout.strip() else done.stderr
    return "" if done.returncode == 0 and not done.stdout.strip() else said


def main():
    build, wanted = sys.argv[1], {str((ROOT / name).resolve()) for name in sys.argv[2:]}
    entries = [entry for entry in json.loads((ROOT / build / "compile_commands.json").read_text())
               if pathlib.Path(entry["file"]).is_relative_to(ROOT)
               and not pathlib.Path(entry["file"]).is_relative_to(ROOT / "build")
               and (not wanted or entry["file"] in wanted)]
    version = subprocess.run([TOOL, "--version"], check=True, stdout=subprocess.PIPE).stdout
    configs = sorted(path for path in ROOT.rglob(".clang-tidy") if ROOT / "build" not in path.parents)
    setting = version + b"".join(path.read_bytes() for path in configs)
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamps = {entry["file"]: stamp_of(entry, setting) for entry in entries}
    stale = [source for source, stamp in stamps.items() if not stamp.exists()]
    # The largest first, so that no core is left with a long one at the end.
    stale.sort(key=lambda source: -len(closure(pathlib.Path(source))))

    begin, unclean = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        running = {pool.submit(check, build, source): source for source in stale}
        for count, done in enumerate(concurrent.futures.as_completed(running), 1):
            source, said = running[done], done.result()
            name = os.path.relpath(source, ROOT)
            if said:
                unclean += 1
                print(f"[{count}/{len(stale)}] {name}: not clean\n{said}", flush=True)
            else:
                stamps[source].touch()
                print(f"[{count}/{len(stale)}] {name}", flush=True)
    # Stamps that no run has asked for in 30 days go.
    for stamp in STAMPS.iterdir():
        if stamp in stamps.values():
            stamp.touch()
        elif time.time() - stamp.stat().st_mtime > 30 * 86400:
            stamp.unlink()
    print(f"clang-tidy: {len(entries)} files, {len(stale)} looked at in "
          f"{time.monotonic() - begin:.0f} s, {unclean} not clean")
    return 1 if unclean else 0


sys.exit(main())
