"""What was tried for the text branch, with its figure: what helped, and what did not."""

NOTES: tuple[str, ...] = ("PLACEHOLDER",)
