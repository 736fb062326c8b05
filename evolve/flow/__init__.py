"""Data flow: models that are paths through the layers of several models."""
