"""The ledger: append-only, hash-linked entries in SQL, and tables that index them.

Start at `opening.open_ledger`, which gives a `ledger.Ledger`; `values` has what goes in and comes
out, `verify` checks the books, and `rebuild` makes the index tables anew. This module itself loads
nothing, so that naming the ledger costs a light command no database library.
"""
