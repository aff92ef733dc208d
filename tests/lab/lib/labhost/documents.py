"""Documents: a table in the docs is the one that a scenario found, and a transcript what its commands print."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).parents[4]
# What differs from one lab host to the next, beyond what transcripts.VARYING names.
VARYING = ((r"(?m)^ok +kernel .*", "<KERNEL>"), (r"\d+(?= +qemu\b)", "<PID>"))


def check_table(host, document, rows):
    """One of the document's tables has these rows, as "| ... |", below its head."""
    lines = (SOURCE / document).read_text(encoding="utf-8").splitlines()
    tables, table = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            tables.append(table[2:])
            table = []
    host.check(f"{document} has this table", rows in tables, rows=rows, tables=None if rows in tables else tables)


def check_transcripts(host, document, played, varying=()):
    """Each command in the document prints what is shown there; `played` runs one and gives its output."""
    sys.path.insert(0, str(SOURCE / "tests/integration"))
    import transcripts  # pylint: disable=import-outside-toplevel

    def masked(lines):
        text = "\n".join(lines)
        for pattern, stand_in in (*VARYING, *varying):
            text = re.sub(pattern, stand_in, text)
        return text.splitlines()

    parts = transcripts.read((SOURCE / document).read_text(encoding="utf-8"), None)
    found = [part for part in parts if isinstance(part, transcripts.Transcript)]
    for one in found:
        printed = played(one.command)
        print(f"$ {one.command}\n{printed}", end="")  # to the console log, for whoever writes the document anew
        one.shown, one.got = masked(one.shown), masked(printed.splitlines())
    lines = transcripts.differences(document, found)
    host.check(f"{document}: {len(found)} commands print what it shows", found and not lines, differences=lines)
