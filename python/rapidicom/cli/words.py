"""Words for people: to standard error, and safe to show on a terminal."""

from __future__ import annotations

import sys


def say(words: str) -> None:
    """Print a line to standard error, named as ours."""
    print(f"rapidicom: {printable(words)}", file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return the text with whatever would move the cursor or colour the screen escaped: values come from strangers."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def fault(path: str, error: Exception) -> str:
    """Return what is wrong with a file, without its name, with which the line begins, and without advice for Python."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix(path).lstrip(",: ").partition("; pass ")[0]


def count(number: int, noun: str) -> str:
    """Return ``1 file``, ``2,000 files``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
