"""Recipes of the published systems: `emoscope train attentive` and `emoscope train segmental`."""
