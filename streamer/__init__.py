"""The live path: audio in, events out."""
