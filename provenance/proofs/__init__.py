"""Proofs about a ledger that hold without it: Merkle tree, signed checkpoints, proof files."""
