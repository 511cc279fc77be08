"""Past one machine: Ray Data for archives of recordings, Ray Serve for live streams."""
