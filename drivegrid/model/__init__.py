"""Networks, their checkpoints and processors. Nothing heavy is imported here."""

SHIPPED = "nano"
"""Folder of the packaged model under ``weights``."""
