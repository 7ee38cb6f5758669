"""Settings of `accelerate launch`, one file a way to share a run among processes."""
