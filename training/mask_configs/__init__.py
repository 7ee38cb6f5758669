"""Packaged settings of `drivegrid train masks`."""
