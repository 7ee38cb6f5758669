"""Seed ranges that keep training and held-out scenes apart."""

from __future__ import annotations

VALIDATION_SEEDS = range(0, 500_000)
"""Scenes to choose models and settings by; drawn like training scenes."""

TEST_SEEDS = range(500_000, 1_000_000)
"""Scenes to report figures on; they also show templates, models, faces and skies held out."""

FIRST_TRAIN_SEED = 1_000_000
"""Training uses seeds from here up, without end."""
