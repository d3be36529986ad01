"""The measurement room."""
