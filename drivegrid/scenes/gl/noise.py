"""Periodic noise for rough surfaces."""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.view import UInt8Array

SIDE = 512


def noise_tile() -> UInt8Array:
    """Return (SIDE, SIDE, 2) noise that repeats without a seam; always the same.

    0 stands for -1 and 255 for 1. Channels: leaves, with blots of 10 to 60 texels, and rubble of
    fine grain and patches of all sizes.
    """
    rng = np.random.default_rng(20)
    cycles = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE, 1 / SIDE)] * 2))
    at_least_one = np.maximum(cycles, 1.0)
    spectra = (
        np.minimum(at_least_one / 60, 1.0),
        at_least_one**-1.1 * (cycles > 3),
        np.exp(-((np.log(at_least_one / 22) / 0.7) ** 2)),
    )
    fields = []
    for spectrum in spectra:
        white = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
        half = (spectrum * (cycles > 0))[:, : SIDE // 2 + 1]
        field = np.fft.irfft2(white * half)
        fields.append(field / field.std())
    grain, patches, blots = fields
    leaves, rubble = 0.43 * blots + 0.23 * patches, 0.16 * patches + 0.08 * grain
    return np.clip(127.5 + 127.5 * np.stack([leaves, rubble], axis=-1), 0, 255).astype(np.uint8)
