"""`python -m vos_core <command>`."""

import sys

from vos_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
