"""What a model's readings are worth: sessions through the live path, figures with intervals, worse sound.

listening   sessions (`sessions`) through the live path or at once, under conditions (`conditions`)
heard       what was said about each clip
figures     everything that is counted, by `scores`, `confidence`, `intervals` and a `protocol`
tables      for people to read; `picture` to look at
"""
