"""Outcome: what became of one scenario."""

import dataclasses
import json
import pathlib


@dataclasses.dataclass
class Outcome:
    """Passed when there is at least one check, all are ok and there is no problem. `checks` are as
    reported, with "host" added where there are two. `problems` are what no check can say: not
    finished, exception, panic, no check at all."""

    scenario: str
    checks: list = dataclasses.field(default_factory=list)
    problems: list = dataclasses.field(default_factory=list)
    seconds: float = 0
    logs: list = dataclasses.field(default_factory=list)  # paths of the hosts' console logs
    skipped: str = ""  # why it was not run

    @property
    def ok(self):
        return bool(self.checks) and not self.problems and all(check["ok"] for check in self.checks)

    def save(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(self), indent=1)
        (directory / f"{self.scenario}.json").write_text(text + "\n", encoding="utf-8")


def load(directory, scenario):
    """The saved outcome; None when there is none."""
    path = pathlib.Path(directory) / f"{scenario}.json"
    try:
        return Outcome(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
