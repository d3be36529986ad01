"""The portal's own table."""
