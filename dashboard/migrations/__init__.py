"""Migrations of the review store, run by `drivegrid.dashboard.database`."""
