"""Databases that a ledger can live in: one module each, and the table of them."""
