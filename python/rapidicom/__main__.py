"""``python -m rapidicom``: the same as the command ``rapidicom``."""

import sys

from rapidicom.cli import main

if __name__ == "__main__":
    sys.exit(main())
