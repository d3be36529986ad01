"""The rooms' store protocols over the tables, one file a noun."""
