"""The battery room."""
