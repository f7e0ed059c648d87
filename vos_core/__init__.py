"""Everything of VOS Lab that is not a screen and not a table: datasets, models, scores, execution.

Never imports streamlit. Only `vos_core.execution` and the command line (`vos_core.cli`) know that a database exists.
"""

__version__ = "0.1.0"
