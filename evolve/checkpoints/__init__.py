"""Checkpoints on disk: which files hold weights, and what their headers say. Imports no torch."""
