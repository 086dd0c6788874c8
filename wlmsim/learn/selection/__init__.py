"""Choosing mechanics by predictions of marginals that were left out."""
