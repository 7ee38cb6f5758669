"""Packaged experiments: ``drivegrid experiment NAME``."""
