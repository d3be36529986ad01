"""Shared kit for families whose targets are C programs: toy parsers, bugs, builds."""
