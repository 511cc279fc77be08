"""The commands `emoscope train` and `emoscope evaluate`."""
