"""Optimisers: what to try next."""
