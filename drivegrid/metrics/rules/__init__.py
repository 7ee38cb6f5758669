"""The rules of ``drivegrid eval``: each scores paired scenes by one definition."""
