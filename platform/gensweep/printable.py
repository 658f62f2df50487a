"""Texts for a terminal that may hold codes which a terminal acts upon.

What was typed, or stands in a file or a ledger, was made by others, or is damaged.
"""

import unicodedata


def printable(line: str) -> str:
    r"""Spell all that is not to be seen, a line's end too, by its code.

    >>> print(printable("a\x1b[2Jb\n"))
    a\x1b[2Jb\n
    >>> printable("O\u00f9\u00a0?") == "O\u00f9\u00a0?"
    True
    """
    if line.isprintable():
        return line
    return "".join(c if _is_shown(c) else ascii(c)[1:-1] for c in line)


def _is_shown(char: str) -> bool:
    """Tell whether a terminal shows it; as a space, if it is a wider one, too."""
    return char.isprintable() or unicodedata.category(char) == "Zs"


def printable_lines(text: str) -> str:
    r"""Spell the same of each line.

    >>> print(printable_lines("a\x07\nb"))
    a\x07
    b
    """
    return "\n".join(map(printable, text.split("\n")))
