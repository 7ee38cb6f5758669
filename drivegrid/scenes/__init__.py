"""A driving world with exact labels."""
