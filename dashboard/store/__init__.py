"""The review store: what is asked of the database, and nothing else knows SQL."""
