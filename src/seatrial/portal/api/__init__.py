"""The API, one file an area, over the same calls as the pages."""
