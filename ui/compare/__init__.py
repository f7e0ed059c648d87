"""The Compare page: 2 to 8 runs against the first."""
