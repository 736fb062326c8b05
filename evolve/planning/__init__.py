"""Planning a merge: every output tensor with its inputs, before any weight is read.

Imports no torch; what can be refused is refused here.
"""
