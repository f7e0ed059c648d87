"""What is wrong with this machine, this installation and this home, and what to do about it. Changes nothing.

Imports no package at its top: it is asked where none is installed. Knows no database: `vos_core.execution.doctor` adds
what that tells, and is what pages and commands call.
"""

from vos_core.doctor.report import Finding, Level, Report, Topic

__all__ = ["Finding", "Level", "Report", "Topic"]
