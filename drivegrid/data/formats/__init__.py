"""drivegrid."""
