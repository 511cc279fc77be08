"""Archives of recordings on a Ray cluster."""
