"""What `emoscope bench` measures: the costs of encoders, readings, the server and recognizers on this machine."""
