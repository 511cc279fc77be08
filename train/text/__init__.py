"""The recipe of the text branch: `emoscope train text`."""
