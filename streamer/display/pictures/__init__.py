"""Pictures of recordings and records, drawn with matplotlib: one conversation explained, or several side by side.

What a picture shows is computed first, from events alone (`story`, `collect`, `totals`, `word_layout`), and drawn
after that (`row`, `page`, `html`, `comparison`). Only `theme` and the modules that draw import matplotlib, which is an
extra.
"""
