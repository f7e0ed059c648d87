"""Numbers from scores and masks: comparisons, significance, curves, failures; knows no database and no screen."""
