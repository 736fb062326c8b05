"""Lineage: from the sources of a merge to everything that they were made from."""
