"""Audio sources: microphones and recordings."""
