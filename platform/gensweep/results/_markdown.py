"""Writes sections of a report in Markdown."""

from collections.abc import Iterator, Sequence

from gensweep.report import Section, format_value

MOST_ROWS = 30
"""Of a table: what is pasted elsewhere is to be read."""


def markdown_section(section: Section) -> Iterator[str]:
    """Yield the paragraphs, the tables and the code of a section, its title first."""
    yield f"## {section.title}"
    for each in section.tables:
        yield f"### {each.title}" if each.title else ""
        yield each.caption
        yield markdown_table(each.table.head, each.table.rows[:MOST_ROWS])
        if left := len(each.table.rows[MOST_ROWS:]):
            yield f"{left} more rows are left out: `--format json` has them."
    yield from section.notes
    if section.code:
        yield f"```\n{section.code}\n```"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table in Markdown; empty without rows.

    >>> print(markdown_table(["objective", "rate"], [["a|b", 0.5]]))
    | objective | rate |
    |---|---|
    | a\\|b | 0.5 |
    """
    if not rows:
        return ""
    lines = [list(head), *([format_value(value) for value in row] for row in rows)]
    told = ["| " + " | ".join(map(_cell, line)) + " |" for line in lines]
    return "\n".join([told[0], "|---" * len(head) + "|", *told[1:]])


def _cell(text: str) -> str:
    """Keep a cell in its column and its line."""
    return text.replace("|", "\\|").replace("\n", " ")
