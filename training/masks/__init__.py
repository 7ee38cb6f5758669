"""Training of what draws and writes masks."""
