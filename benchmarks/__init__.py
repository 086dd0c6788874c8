"""Benchmarks: scripts that anyone can run, each answering one question beside named rivals."""
