"""Pictures by signed address, and the model behind a queue."""
