"""A segmenter that looks at each image once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Generic

from drivegrid.data.images import Picture, check_picture
from drivegrid.errors import ConfigError
from drivegrid.geometry import FloatArray
from drivegrid.masks.segmenter import Handle, LogitArray, Prompt, Segmenter


class CachedSegmenter(Generic[Handle]):
    """Keeps the handles of the latest images, found again by their pixels, and counts the work.

    Args:
        segmenter: Does the work.
        images: How many handles are kept; the one not asked for longest goes first. SAM2 at 1024
            pixels takes 16 MiB for each.

    Attributes:
        num_encodes: Images encoded so far; those found again do not count.
        num_decodes: Calls of ``decode`` and ``candidates`` so far.
        num_prompts: Prompts decoded so far.

    Raises:
        ConfigError: If ``images`` is below 1.
    """

    def __init__(self, segmenter: Segmenter[Handle], images: int) -> None:
        if images < 1:
            raise ConfigError(f"images must be at least 1, got {images}.")
        self._segmenter, self._images = segmenter, images
        self._handles: OrderedDict[tuple[tuple[int, ...], bytes], Handle] = OrderedDict()
        self.num_encodes = self.num_decodes = self.num_prompts = 0

    @property
    def threshold(self) -> float:
        """Logits above it are inside."""
        return self._segmenter.threshold

    def encode(self, image: Picture) -> Handle:
        """Look at an image unless its handle is still there.

        Raises:
            GeometryError: If it is not (H, W, 3) uint8.
        """
        check_picture(image)
        key = image.shape, blake2b(image.tobytes()).digest()
        if key not in self._handles:
            self._handles[key] = self._segmenter.encode(image)
            self.num_encodes += 1
            if len(self._handles) > self._images:
                self._handles.popitem(last=False)
        self._handles.move_to_end(key)
        return self._handles[key]

    def decode(self, handle: Handle, prompts: Sequence[Prompt]) -> tuple[LogitArray, FloatArray]:
        """Draw one mask for each prompt, as the segmenter does."""
        self.num_decodes += 1
        self.num_prompts += len(prompts)
        return self._segmenter.decode(handle, prompts)

    def candidates(self, handle: Handle, points: FloatArray) -> tuple[LogitArray, FloatArray]:
        """Draw all that each point may mean, as the segmenter does; a point counts as a prompt."""
        self.num_decodes += 1
        self.num_prompts += len(points)
        return self._segmenter.candidates(handle, points)
