"""The commands of `python -m vos_core`: one module a command."""
