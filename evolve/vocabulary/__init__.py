"""Vocabularies: which token stands in which row, and merging models that disagree about it."""
