"""Graders that work on any program, proof or patch; they know no family."""
