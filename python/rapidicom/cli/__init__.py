"""The command ``rapidicom``: results to standard output, words to standard error.

Exit status: 0 done, 1 some files failed or standard output did, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

DONE, SOME_FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process by default) and return its exit status."""
    from rapidicom.cli.standard_streams import Output, StreamError
    from rapidicom.cli.words import say

    # A name or a value that is no UTF-8 must not end a listing half-way.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stderr is None:  # the caller has closed it; words would go to standard output
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for the whole run
    output = Output()
    try:
        with redirect_stdout(output):
            try:
                return _run(list(sys.argv[1:] if argv is None else argv))
            finally:
                output.flush()
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        output.give_up()
        return DONE
    except StreamError as error:
        output.give_up()
        say(str(error))
        return SOME_FAILED
    except OSError as error:
        say(str(error))
        return SOME_FAILED
    except MemoryError as error:
        say(f"not enough memory: {error}" if str(error) else "not enough memory")
        return SOME_FAILED


def _run(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        from rapidicom import __version__

        print(f"rapidicom {__version__}")
        return DONE

    from rapidicom.cli.arguments import parse

    options = parse(arguments)
    status = options.run(options)
    assert isinstance(status, int)
    return status
