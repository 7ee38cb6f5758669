"""A data set's masks as words, and words as masks again: files of one JSON object a frame.

The first line tells which tokenizer wrote the file, and by which weights. An interrupted run goes
on after the last whole line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from drivegrid.data.files import is_stream, parse_json, read_lines
from drivegrid.data.images import Picture, load_image
from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Scene
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Polygon
from drivegrid.inference.results import rle_of
from drivegrid.masks.labelled import LabelledMasks
from drivegrid.masks.shapes import inside_of
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.metrics.masks import mask_iou

FORM = "drivegrid masks 1"


@dataclass
class Done:
    """What came of a run.

    Args:
        frames: Written in it.
        masks: In these frames.
        outside: Polygons that lie outside of their picture and show nothing.
        before: Frames that the file held already.
        ious: Sum of the IoUs of masks with what their words give.
    """

    frames: int = 0
    masks: int = 0
    outside: int = 0
    before: int = 0
    ious: float = 0.0


def written_frames(path: Path, tokenizer: MaskTokenizer) -> set[str]:
    """Return the images that a file of words holds already, and cut off what is not whole.

    Raises:
        ConfigError: If the file is of another tokenizer; it stays as it is.
        FormatError: If it is no such file; likewise.
    """
    if not path.exists() or is_stream(path):
        return set()
    content = path.read_bytes()
    if _head(tokenizer).encode().startswith(content):  # interrupted before its first frame
        os.truncate(path, 0)
        return set()
    _check_tokenizer(next(read_words(path)), tokenizer, path)
    os.truncate(path, content.rfind(b"\n") + 1)
    return {record["image"] for record in islice(read_words(path), 1, None)}


def _head(tokenizer: MaskTokenizer) -> str:
    return json.dumps({"form": FORM, **_facts(tokenizer)}) + "\n"


def _facts(tokenizer: MaskTokenizer) -> dict[str, str]:
    weights = {"weights": tokenizer.weights} if tokenizer.weights else {}
    return {"tokenizer": tokenizer.name, **weights}


def _check_tokenizer(head: dict[str, Any], tokenizer: MaskTokenizer, path: Path) -> None:
    """Raise if a file is of another tokenizer; one that tells no weights goes with all."""
    for name, wanted in _facts(tokenizer).items():
        if (found := head.get(name, wanted)) != wanted:
            raise ConfigError(
                f"file of words must be of the {name} {wanted:.12}, got {found!s:.12} ({path}). "
                "Name another file, or the tokenizer and weights that wrote it."
            )


def read_words(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the head of a file of words, then its frames.

    Raises:
        FormatError: At the first line that is none.
    """
    for line, raw in read_lines(path):
        try:
            record = parse_json(raw)
        except FormatError as error:
            raise error.at(path, line) from error
        if line == 1 and (not isinstance(record, dict) or record.get("form") != FORM):
            raise FormatError(f"file must begin with its form, {FORM!r}.", path, line)
        if line > 1:
            _check_frame(record, path, line)
        yield record


def _check_frame(record: Any, path: Path, line: int) -> None:
    masks = record.get("masks") if isinstance(record, dict) else None
    if (
        not isinstance(masks, list)
        or not isinstance(record.get("image"), str)
        or not all(isinstance(m, dict) and isinstance(m.get("text"), str) for m in masks)
    ):
        raise FormatError("frame must have an image and masks with a text each.", path, line)


def write_words(
    frames: Iterable[tuple[Scene, LabelledMasks]], tokenizer: MaskTokenizer, path: Path
) -> Done:
    """Write the masks of frames as words; frames that the file holds already are passed over.

    Args:
        frames: Labels, pictures and masks.
        tokenizer: Writes.
        path: JSON lines.

    Raises:
        ConfigError: If the file is of another tokenizer, or other weights of it.
        FormatError: If it is no such file.
    """
    known = written_frames(path, tokenizer)
    done = Done(before=len(known))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        if not file.tell():
            file.write(_head(tokenizer))
        for scene, labelled in frames:
            if scene.frame.image not in known:
                file.write(json.dumps(_frame(scene, labelled, tokenizer, done)) + "\n")
                file.flush()
    return done


def _frame(
    scene: Scene, labelled: LabelledMasks, tokenizer: MaskTokenizer, done: Done
) -> dict[str, Any]:
    truth, size_wh = labelled.masks.unpack(), labelled.masks.size_wh
    codes = tokenizer.encode_all(labelled.image, truth) if len(truth) else []
    drawn = list(tokenizer.decode_all(labelled.image, codes)) if codes else []
    masks = []
    for label, code, logits, true in zip(labelled.labels, codes, drawn, truth, strict=True):
        iou = mask_iou(inside_of(logits, tokenizer.threshold, size_wh), true)
        masks.append({"label": label, "text": tokenizer.text_of(code), "iou": round(iou, 4)})
        done.ious += iou
    done.frames += 1
    done.masks += len(masks)
    done.outside += sum(isinstance(i.geometry, Polygon) for i in scene.instances) - len(masks)
    return {"image": scene.frame.image, "size_wh": list(size_wh), "masks": masks}


def draw_words(
    path: Path, tokenizer: MaskTokenizer, root: Path, quarantine: Quarantine
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield each frame of a file of words with its masks, as COCO run lengths.

    A mask whose words are broken is None, beside the reason.

    Args:
        path: That `write_words` wrote, or with the words of a model.
        tokenizer: Reads the words.
        root: Folder of the pictures.
        quarantine: Counts frames; gets those whose picture cannot be read.

    Raises:
        ConfigError: If the file is of another tokenizer, or other weights of it.
        FormatError: If it is no such file.
    """
    records = read_words(path)
    _check_tokenizer(next(records, {}), tokenizer, path)
    for record in records:
        try:
            image = load_image(root / record["image"])
        except FormatError as error:
            quarantine.reject(error)
            continue
        quarantine.keep()
        size_wh = [image.shape[1], image.shape[0]]
        yield (
            {"image": record["image"], "size_wh": size_wh},
            _draw_frame(record["masks"], image, tokenizer),
        )


def _draw_frame(
    masks: Sequence[Mapping[str, Any]], image: Picture, tokenizer: MaskTokenizer
) -> list[dict[str, Any]]:
    """Return the masks of a frame, drawn; those that are broken with the reason."""
    parsed = [tokenizer.parse(mask["text"]) for mask in masks]
    whole = [one.codes[0] for one in parsed if len(one.codes) == 1]
    logits = iter(tokenizer.decode_all(image, whole) if whole else ())
    size_wh = image.shape[1], image.shape[0]
    found = []
    for mask, one in zip(masks, parsed, strict=True):
        drawn: dict[str, Any] = {"label": mask.get("label", ""), "segmentation": None}
        if len(one.codes) == 1:
            drawn["segmentation"] = rle_of(inside_of(next(logits), tokenizer.threshold, size_wh))
        else:
            missing = [f"text must hold one mask, got {len(one.codes)}."]
            drawn["why"] = [told.message for told in one.diagnostics] or missing
        found.append(drawn)
    return found
