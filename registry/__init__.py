"""Keeping, showing and shipping models: catalogue, hub, use cases, command line.

This is the top floor; it wires the other rooms together.
"""
