"""One voice, from samples to events, without input or output."""
