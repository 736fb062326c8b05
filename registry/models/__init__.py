"""Models: references, resolving them, reading their folders, and the catalogue."""
