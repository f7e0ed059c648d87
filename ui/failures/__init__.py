"""The Failures page: the worst frames of all videos as pictures."""
