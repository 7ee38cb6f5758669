"""Promptable mask decoders: an image and prompts to masks. Nothing heavy is imported here."""
