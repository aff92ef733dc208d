"""MicroVmm: the project's test VMM; commands go to its standard input, answers come back as JSON."""

import json
import os

from labhost.program import Program


class CommandFailed(RuntimeError):
    """micro-vmm answered with an error."""


class MicroVmm(Program):
    """`vms`: what it announced of each VM: fd, creator (TID), vcpus (id, tid)."""

    def __init__(self, bin, flags):
        super().__init__([os.path.join(bin, "micro-vmm"), *map(str, flags)], piped=True)
        self.vms = self._answer()["vm"]

    def command(self, *words):
        """Its answer, as a dict; an answer that reports an error raises."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        problems = [part["error"] for part in (answer, *answer.get("vcpus", [])) if "error" in part]
        if problems:
            raise CommandFailed(f"micro-vmm {words}: {problems[0]}")
        return answer

    def directory(self, index=0):
        """The name of a VM's directory in debugfs."""
        return f"{self.vms[index]['creator']}-{self.vms[index]['fd']}"

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"micro-vmm ended with {self.process.wait()}")
        return json.loads(line)
