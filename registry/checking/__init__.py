"""Checking: what policy says about recipes, model folders and models of the Hub, as values."""
