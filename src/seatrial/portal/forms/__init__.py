"""Forms: from what a page sends to what the rooms take."""
