"""A model in memory that holds one candidate after the other."""
