"""Rewards of reinforcement learning, on numpy alone."""
