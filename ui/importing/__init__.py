"""The Import page: masks made elsewhere."""
