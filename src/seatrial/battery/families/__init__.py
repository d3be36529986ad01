"""The challenge families, one folder each."""
