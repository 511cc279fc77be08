"""The training loop: steps, schedule, averaged weights, checkpoints."""
