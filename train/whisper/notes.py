"""What was tried for `whisper`, with its figure: what helped, and what did not."""

NOTES: tuple[str, ...] = ()
