"""Pages: thin functions over the service."""
