"""Participants without a model: the yardstick beside every model."""
