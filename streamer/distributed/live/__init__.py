"""Live streams on a Ray cluster: gateways hold the sockets and sessions, scorers the model, transcribers the words."""
