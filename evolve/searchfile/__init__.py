"""The search file: what to search, with what, for how long. Pure data; no tensors."""
