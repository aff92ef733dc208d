"""Documents: a table in the docs is the one that a scenario found."""

import pathlib

SOURCE = pathlib.Path(__file__).parents[4]


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
