"""Periodic noise for the ground and for rough surfaces."""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.view import UInt8Array

SIDE = 512


def noise_tile() -> UInt8Array:
    """Return (SIDE, SIDE, 4) noise around 128 that repeats without a seam; always the same.

    Channels: fine grain, patches of all sizes, blots of 10 to 60 texels, none.
    """
    rng = np.random.default_rng(20)
    cycles = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE, 1 / SIDE)] * 2))
    at_least_one = np.maximum(cycles, 1.0)
    spectra = (
        np.minimum(at_least_one / 60, 1.0),
        at_least_one**-1.1 * (cycles > 3),
        np.exp(-((np.log(at_least_one / 22) / 0.7) ** 2)),
    )
    tile = np.full((SIDE, SIDE, 4), 128, np.uint8)
    for channel, (spectrum, spread) in enumerate(zip(spectra, (34, 42, 42), strict=True)):
        white = np.fft.fft2(rng.standard_normal((SIDE, SIDE)))
        field = np.fft.ifft2(white * spectrum * (cycles > 0)).real
        tile[..., channel] = np.clip(128 + spread * field / field.std(), 0, 255)
    return tile
