"""Who drives a session in time: live sources, recordings, servers."""
