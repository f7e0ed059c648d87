"""What can segment a video: SAM 2 / 2.1, and CPU methods that need no weights."""
