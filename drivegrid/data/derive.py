"""Data sets made of data sets: copied with their pictures, merged, split, sampled."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from drivegrid.data.parts import SplitBy, group_of, part_of, uniform
from drivegrid.data.scene import Scene
from drivegrid.data.sources import LabelSource
from drivegrid.data.target import WHOLE, Keep, Outcome, Target, write_parts
from drivegrid.errors import FormatError

OnDuplicate: TypeAlias = Literal["error", "keep-first"]


def copy_labels(source: LabelSource, target: Target) -> Outcome:
    """Write a data set, its pictures beside, in the format of the target.

    Raises:
        FormatError, OSError: See ``write_parts``, as for all functions of this module.
    """

    def keep(number: int, source: LabelSource, scene: Scene) -> bool:
        del number, source, scene
        return True

    return write_parts([source], target, {WHOLE: keep})


def merge_labels(
    sources: Sequence[LabelSource], target: Target, on_duplicate: OnDuplicate = "error"
) -> Outcome:
    """Write several data sets as one.

    Args:
        sources: Data sets, in the order in which they are written.
        target: Where they go.
        on_duplicate: What an image name that comes again is: an ``error``, or set aside, so that
            the first is kept.

    Raises:
        FormatError: Also at the first name that comes again, if that is an error.
    """
    seen: set[int] = set()

    def keep(number: int, source: LabelSource, scene: Scene) -> bool | FormatError:
        del number
        name = hash(scene.frame.image)  # 64 bits: two names of one hash do not happen
        if name not in seen:
            seen.add(name)
            return True
        again = f"image must occur once, got {scene.frame.image!r:.200} again"
        if on_duplicate == "keep-first":
            return FormatError(again, source.path)
        raise FormatError(f"{again}. --on-duplicate keep-first sets it aside.", source.path)

    return write_parts(sources, target, {WHOLE: keep})


def split_labels(
    source: LabelSource, target: Target, parts: Mapping[str, float], by: SplitBy, seed: int = 0
) -> Outcome:
    """Write a data set as parts, each in a folder of its name.

    The name of its clip and the seed alone decide where a frame goes: frames that are added later
    move no other.

    Args:
        source: Data set.
        target: Where the folders go.
        parts: Shares by name (see ``parse_parts``).
        by: ``clip``: frames of a clip stay together, those without one go by themselves.
            ``frame``: each goes by itself; the clips that this tears apart are counted.
        seed: Another seed gives another split.

    Raises:
        FormatError: Also if a part gets no frame.
    """
    places: dict[str, set[str]] = {}

    def keeper(part: str) -> Keep:
        def keep(number: int, source: LabelSource, scene: Scene) -> bool:
            del number, source
            chosen = part_of(group_of(scene.frame, by), parts, seed) == part
            if chosen and scene.frame.clip not in (None, "", "."):
                places.setdefault(scene.frame.clip, set()).add(part)
            return chosen

        return keep

    outcome = write_parts([source], target, {part: keeper(part) for part in parts})
    outcome.torn = sum(len(found) > 1 for found in places.values())
    return outcome


def sample_labels(
    source: LabelSource, target: Target, num: int, seed: int = 0, labels: Sequence[str] = ()
) -> Outcome:
    """Write frames drawn at random, in their order; fewer if there are not so many.

    Args:
        source: Data set.
        target: Where they go.
        num: How many frames.
        seed: Another seed draws others.
        labels: Only frames that hold one of these labels, or one below it; empty: any frame.

    Raises:
        FormatError: Also if no frame can be drawn.
    """
    drawn: list[tuple[float, int]] = []  # a heap of the smallest random numbers, negated
    for number, (_, found) in enumerate(target.watch(source.placed())):
        if isinstance(found, Scene) and _holds(found, labels):
            ticket = (-uniform(f"{number}/{found.frame.image}", seed), number)
            if len(drawn) < num:
                heapq.heappush(drawn, ticket)
            else:
                heapq.heappushpop(drawn, ticket)
    chosen = {number for _, number in drawn}
    if not chosen:
        wanted = f" with {' or '.join(labels)}" if labels else ""
        raise FormatError(f"labels must hold at least one frame{wanted}, got none.", source.path)

    def keep(number: int, source: LabelSource, scene: Scene) -> bool:
        del source, scene
        return number in chosen

    return write_parts([source], target, {WHOLE: keep})


def _holds(scene: Scene, labels: Sequence[str]) -> bool:
    return not labels or any(
        f"{instance.label}/".startswith(f"{label}/")
        for instance in scene.instances
        for label in labels
    )
