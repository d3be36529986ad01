"""Findings on their way from a claim to a verified fix: the catalogue of this room."""
