"""One module for each schema version of the ledger."""
