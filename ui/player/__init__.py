"""The frame player, and the Inspect page that holds it."""
