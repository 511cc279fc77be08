"""A supervised worker process and the codec of its messages."""
