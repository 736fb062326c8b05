"""Which licences may meet: the knowledge base, claims to licences, licences to a decision.

This room knows no tensors, no SQL and no network: it is given records and gives records back.
"""
