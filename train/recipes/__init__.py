"""What is trained on what, and how: one module a model."""
