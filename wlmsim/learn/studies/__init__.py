"""From data to mechanics in one call: what is seen, what was tried, what predicts best, and how far to believe it."""
