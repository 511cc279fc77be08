"""Comparisons of the published systems' choices, over the frozen frames of one encoder: `emoscope train study`."""
