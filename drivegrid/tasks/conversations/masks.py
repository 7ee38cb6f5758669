"""Masks of a picture's outlined regions in text, written once by a mask tokenizer.

A mask tokenizer looks at the picture and takes a while, questions are drawn over and over. So the
text of each mask stands with its instance, in ``extra["seg"]``; questions and answers repeat it.
What moves outlines (`drivegrid.data.augment`) leaves these texts out: they hold no longer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivegrid.data.images import Picture
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import Polygon, Size
from drivegrid.masks.drawing import draw_mask, meets_image
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tasks.conversations.talk import MASK_TEXT, answer_shape, is_speck


def write_masks(scene: Scene, image: Picture, tokenizer: MaskTokenizer) -> Scene:
    """Return a scene whose areas and regions have the text of their masks.

    Instances that are asked for by box or point have none, nor do those that nothing is seen of.

    Args:
        scene: Labels in pixels of its frame.
        image: (H, W, 3) uint8 RGB, the frame at any size.
        tokenizer: Writes.
    """
    size_wh = scene.frame.size_wh
    places = [n for n, one in enumerate(scene.instances) if _has_mask(one, size_wh)]
    if not places:
        return scene
    mask_wh = image.shape[1], image.shape[0]
    masks = [draw_mask(scene.instances[n].geometry, size_wh, mask_wh) for n in places]
    codes = tokenizer.encode_all(image, np.stack(masks))
    instances = list(scene.instances)
    for place, told in zip(places, codes, strict=True):
        one = instances[place]
        instances[place] = replace(one, extra={**one.extra, MASK_TEXT: tokenizer.text_of(told)})
    return replace(scene, instances=tuple(instances))


def _has_mask(instance: Instance, size_wh: Size) -> bool:
    shape = answer_shape(instance).geometry
    return (
        isinstance(shape, Polygon)
        and meets_image(shape, size_wh)
        and not is_speck(instance, size_wh)
    )
