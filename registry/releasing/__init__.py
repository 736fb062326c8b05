"""Releases: what carries a model and its papers, and how anybody checks it."""
