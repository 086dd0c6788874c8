"""Training: the loop, its checkpoints, members side by side, and what follows it."""
