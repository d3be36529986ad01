"""The record that outsiders can check: an append-only Merkle log, its receipts, and witnesses of its growth."""
