"""The command ``rapidicom``: results to standard output, words to standard error.

Exit status: 0 done, 1 some files failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DONE, SOME_FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process by default) and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        from rapidicom import __version__

        print(f"rapidicom {__version__}")
        return DONE

    from rapidicom.cli.arguments import parse
    from rapidicom.cli.words import say

    options = parse(arguments)
    # A name or a value that is no UTF-8 must not end a listing half-way.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # `rapidicom dump FILE | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        say(str(error))
        return SOME_FAILED
    assert isinstance(status, int)
    return status
