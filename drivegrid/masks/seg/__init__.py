"""drivegrid-seg: a small promptable segmenter of our own."""
