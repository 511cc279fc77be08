"""Corpora, augmentation, losses, recipes: how the weights were made. `emoscope train small` is the way in."""
