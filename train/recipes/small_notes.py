"""What was tried for `small`, with its figure: what helped, and what did not."""

NOTES: tuple[str, ...] = ()
