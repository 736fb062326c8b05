"""Merge methods: each one turns the tensors of its sources into coefficients."""
