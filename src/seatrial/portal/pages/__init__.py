"""Pages, one file an area."""
