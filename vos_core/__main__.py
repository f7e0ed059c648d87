"""`python -m vos_core <command>`."""

import sys

# Said here, in words that any Python understands: what is imported below needs Python 3.11.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "error: VOS Lab needs Python 3.11 or newer, and this is Python "
        + ".".join(map(str, sys.version_info[:2]))
        + " ("
        + sys.executable
        + ").\nWhere `make install` was called: .venv/bin/python -m vos_core ...\n"
        "Else: make install PYTHON=python3.11\n"
        "With conda: conda create -n voslab python=3.12 && conda activate voslab && make install\n"
        "(docs/install.md)"
    )

if __name__ == "__main__":
    from vos_core.cli import main

    sys.exit(main())
