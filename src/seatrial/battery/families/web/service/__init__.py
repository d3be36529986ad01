"""Files that every generated service is made of; read as text, delivered as they are."""
