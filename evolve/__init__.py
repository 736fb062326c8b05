"""Making new models: reading recipes, merging weights, measuring shares.

This room knows no SQL, no licences and no network: it is given model folders and gives files and
numbers back.
"""
