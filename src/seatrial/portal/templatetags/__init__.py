"""Template tags and filters of the portal's pages: components of its look, form fields, and how values are written."""
