"""The log-in in front of everything, at the ASGI layer."""
