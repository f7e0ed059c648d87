"""The Queue page: what runs, what waits, and the buttons of runs."""
