"""Scenarios: the files of a folder. What the runner must know is read without running them."""

import ast
import dataclasses
import pathlib

DEADLINE = 90


class BadScenario(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    path: pathlib.Path
    about: str  # the first line of its docstring
    hosts: int  # HOSTS = 1 or 2
    deadline: float  # DEADLINE, in seconds
    icount: bool  # ICOUNT = True: hosts whose TSC counts their instructions (machine.py)


def load(folder):
    """{name: Scenario}, by name."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.py"))}


def read(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    if not about:
        raise BadScenario(f"{path}: begin with a docstring that says what the scenario shows")
    constants = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            constants.update({target.id: node.value.value for target in node.targets
                              if isinstance(target, ast.Name)})
    hosts = constants.get("HOSTS", 1)
    deadline = constants.get("DEADLINE", DEADLINE)
    icount = constants.get("ICOUNT", False)
    if hosts not in (1, 2):
        raise BadScenario(f"{path}: HOSTS is 1 or 2")
    if not isinstance(deadline, (int, float)) or deadline <= 0:
        raise BadScenario(f"{path}: DEADLINE is a number of seconds above 0")
    if not isinstance(icount, bool):
        raise BadScenario(f"{path}: ICOUNT is True or False")
    if not any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
        raise BadScenario(f"{path}: define run(host)")
    return Scenario(path.stem, path, about, hosts, deadline, icount)
