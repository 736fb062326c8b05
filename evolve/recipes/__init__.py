"""Recipes: mergekit's YAML, read strictly into records. Imports no torch."""
