"""`emoscope bench endure`: long, repeatable runs of what is promised, each with bounds that must hold.

`parts` lists the parts and runs them; each part is a file. `budget` is what a part may use, and `report`
what it gives back.
"""
