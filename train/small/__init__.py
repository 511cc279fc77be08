"""The recipe of the model that ships: `emoscope train small`."""
