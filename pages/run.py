"""Run: placeholder until the next commit."""
