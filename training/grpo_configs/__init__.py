"""Packaged settings of reinforcement learning."""
