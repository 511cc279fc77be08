"""What the server's sessions say, for those who do not send their audio: observers and a webhook."""
