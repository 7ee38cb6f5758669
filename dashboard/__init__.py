"""The dashboard: ask, see, review, correct, retrain."""
