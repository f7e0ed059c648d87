"""Widgets that several pages draw: tables, bars, curves, a command line, what keeps a part live."""
