"""The nouns of evoreg: small frozen values that every other room speaks in.

Records do no work outside themselves: they hold facts, check their own form, and turn into
canonical JSON (RFC 8785) and back without loss.
"""
