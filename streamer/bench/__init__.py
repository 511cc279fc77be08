"""What the server costs: `emoscope bench serve`. Server and clients run in processes of their own."""
