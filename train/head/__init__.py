"""`emoscope train head`: a head for one's own labels and voices over an encoder that stays as it is."""
