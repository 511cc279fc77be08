"""Past one machine: the same session and engine on a Ray cluster."""
