"""Label Studio: JSON tasks with regions in percent, annotations and predictions.

Source: labelstud.io/guide/task_format and the tag reference. ``extra["labelstudio"]`` of a scene
holds ``task``, the task without the results that became instances, ``kept``, by list of results,
places and results that are no instances, and ``image`` where the task names the picture otherwise.
That of an instance holds ``result``, its region as it was, ``labels``, the result that names its
class where that is another one, ``class``, and ``prediction``, which prediction it belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import atomic_path, parse_json, read_whole
from drivegrid.data.formats.contract import Format, Source, in_entry
from drivegrid.data.formats.drawing_tools import checked_size
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.labelstudio_results import read_results, write_results
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.json_stream import array_items, first_char
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

SIZE: Size = (1920, 1080)
"""Assumed where neither a region nor a picture says the size."""
LOCAL = "/data/local-files/?d="
"""What Label Studio puts before the path of a picture in local storage."""
PREDICTION = "prediction"
"""Source of predictions that do not name their model."""


def open_labelstudio(path: str | Path) -> Source:
    """Open an export or import file: a JSON list of tasks, or one task.

    - The annotation that is read is the first marked as ground truth, else the first that was not
      cancelled; others stay in ``extra``. Predictions become instances too, with the model as
      ``source`` and the region's or the prediction's score as confidence.
    - rectangle: box, a turned one polygon; polygon: polygon, or with ``closed: false`` polyline;
      keypoint: point; ellipse, brush and bitmask: polygon; vector: polyline or polygon through its
      vertices (handles of curves stay in ``extra``). A ``lane/line`` drawn downwards is turned.
    - choices of a region with its ``id`` become attributes, those of no region in the annotation
      (in the first prediction where there is none) frame attributes, where the taxonomy knows
      them: the name of the choice and the value, or the value alone.
    - The size is that of the regions, else ``width`` and ``height`` of the task's data.
    - The picture is ``image`` of the task's data, else the first that looks like one. A URL stays
      as it is and is never fetched; paths lose what the server puts before them.

    Set aside: tasks that nobody has labelled, or whose annotations were all cancelled.

    Raises:
        FormatError: While iterating, if the file cannot be read.
    """
    path = Path(path)
    return Source(_entries(path), partial(_parse, path))


def load_labelstudio(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_labelstudio``."""
    return open_labelstudio(path).load()


def recognise_labelstudio(peek: Peek) -> str | None:
    """Return why a path holds tasks of Label Studio, None if it does not."""
    value = peek.json
    first = value[0] if isinstance(value, list) and value else value
    if value is None and peek.head.lstrip()[:1] == b"[":  # too large to be read for a look
        keys = {key for key in ("data", "annotations") if f'"{key}":'.encode() in peek.head}
    else:
        keys = set(first) if isinstance(first, dict) else set()
    if "data" in keys and keys & {"annotations", "predictions"}:
        return "JSON tasks with data and annotations"
    return None


def _entries(path: Path) -> Iterator[tuple[int, bytes]]:
    if first_char(path) == "{":
        yield 0, read_whole(path)
    else:
        yield from array_items(path)


def _parse(path: Path, entry: tuple[int, bytes]) -> Scene:
    number, text = entry
    try:
        return _scene(fields.as_kind(parse_json(text), dict, "task"), path.parent)
    except FormatError as error:
        raise in_entry(error, path, f"task {number}") from error


def _scene(task: dict[str, Any], root: Path) -> Scene:
    data = dict(fields.field(task, "data", dict, "task"))
    written = _image_key(data)[1]
    image = _image_name(written)
    lists = _result_lists(task)
    size, assumed = _size(lists, data, root, image)
    instances: list[Instance] = []
    kept: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    rest = task | {"data": data}
    for key in ("annotations", "predictions"):
        rest |= {key: [dict(one) for one in _dicts(task, key)]} if key in task else {}
    for name, holder in lists.items():
        found = read_results(fields.as_kind(holder["result"], list, name), size, name)
        kept |= {name: found.kept} if found.kept else {}
        attributes |= found.attributes if name == next(iter(lists)) else {}
        instances += [_as_predicted(one, name, holder) for one in found.instances]
        _holder(rest, name)["result"] = []
    own: dict[str, Any] = {"task": rest} | ({"kept": kept} if kept else {})
    own |= {"image": written} if _data_image(image) != written else {}
    frame = Frame(image, size, attributes)
    return Scene(frame, tuple(instances), {"labelstudio": own} | assumed)


def _image_key(data: dict[str, Any]) -> tuple[str, str]:
    """Return which of a task's data is the picture, and how it is named."""
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    for key in ("image", "img", "image_url"):
        if key in texts:
            return key, texts[key]
    for key, value in texts.items():
        if any(part.lower().endswith(IMAGE_SUFFIXES) for part in (value, value.partition("?")[0])):
            return key, value
    raise FormatError(f"data must name a picture, got keys {sorted(data)!s:.200}.", item="data")


def _image_name(written: str) -> str:
    """Return a picture's path in the data set; a URL as it is."""
    if written.startswith(LOCAL):
        written = unquote(written.removeprefix(LOCAL))
    if len(written) > 4096:
        raise FormatError("picture must have a name of at most 4096 characters.", item="data")
    return check_image_name(written.lstrip("/"))


def _data_image(image: str) -> str:
    """Return how a task names a picture."""
    return image if "://" in image else LOCAL + quote(image)


def _result_lists(task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the annotation to read and every prediction, by name.

    Raises:
        FormatError: If there is none.
    """
    found: dict[str, dict[str, Any]] = {}
    chosen = _chosen(_dicts(task, "annotations"))
    if chosen is not None:
        found["annotation"] = _dicts(task, "annotations")[chosen]
    for index, prediction in enumerate(_dicts(task, "predictions")):
        found[f"prediction {index}"] = prediction
    if not found:
        raise FormatError("task must be labelled, got no annotation that was not cancelled.")
    return {name: {"result": [], **holder} for name, holder in found.items()}


def _dicts(task: dict[str, Any], key: str) -> list[dict[str, Any]]:
    values = fields.as_kind(task.get(key, []), list, key)
    return [fields.as_kind(value, dict, key) for value in values]


def _chosen(annotations: list[dict[str, Any]]) -> int | None:
    """Return which annotation counts: the first ground truth, else the first not cancelled."""
    good = [i for i, one in enumerate(annotations) if not one.get("was_cancelled")]
    return next((i for i in good if annotations[i].get("ground_truth")), next(iter(good), None))


def _holder(task: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the annotation or prediction of a name in a task that was checked."""
    if name == "annotation":
        annotations = _dicts(task, "annotations")
        return annotations[_chosen(annotations) or 0]
    return _dicts(task, "predictions")[int(name.removeprefix("prediction "))]


def _size(
    lists: dict[str, dict[str, Any]], data: dict[str, Any], root: Path, image: str
) -> tuple[Size, dict[str, bool]]:
    """Return the size that regions say, else the data, else the picture, else an assumed one.

    Sides in the data are taken out of it where they are what counts: they are written again.
    """
    for name, holder in lists.items():
        for result in fields.as_kind(holder["result"], list, name):
            if isinstance(result, dict) and "original_width" in result:
                sides = (result["original_width"], result.get("original_height"))
                return checked_size(*sides), {}
    if type(data.get("width")) is int and type(data.get("height")) is int:
        return checked_size(data.pop("width"), data.pop("height")), {}
    frame, assumed = find_frame(root, image, SIZE)
    return frame.size_wh, assumed


def _as_predicted(instance: Instance, name: str, holder: dict[str, Any]) -> Instance:
    """Return an instance of a prediction with its model and score; of an annotation as it is."""
    if name == "annotation":
        return instance
    own = dict(instance.extra["labelstudio"]) | {"prediction": int(name.split()[1])}
    score = own["result"].get("score", holder.get("score"))
    own |= {"shared_score": score} if "score" not in own["result"] and score is not None else {}
    model = holder.get("model_version")
    source = model if isinstance(model, str) and model not in ("", "label") else PREDICTION
    return Instance(
        instance.label,
        instance.geometry,
        instance.attributes,
        confidence=fields.as_confidence(score),
        source=source,
        extra={"labelstudio": own},
    )


# Writing ------------------------------------------------------------------------------------------


def save_labelstudio(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a file of tasks that Label Studio imports, atomically.

    Labels become the task's annotation; instances with a confidence or of another source become
    predictions, one for each source, with a score for each region: pre-annotations to review.
    New regions are named ``box``, ``polygon``, ``point`` and ``brush`` and choices after their
    attribute, all of ``image``: so must the tags of the labelling interface be.

    Args:
        scenes: Any scenes.
        path: Target.

    Returns:
        What could not be held; and set aside, frames without a usable image name.

    Raises:
        OSError: If the disk is full or the file cannot be written; then nothing is written.
    """
    path, saved = Path(path), Saved()
    with atomic_path(path) as part, part.open("wb") as file:
        file.write(b"[")
        before = b"\n"
        for line in held(scenes, _line, path, saved):
            file.write(before + line)
            before = b",\n"
        file.write(b"\n]\n")
    return saved


def _line(scene: Scene) -> tuple[bytes, list[Loss]]:
    task, losses = _task(scene)
    try:
        return json.dumps(task, ensure_ascii=False).encode(), losses
    except UnicodeEncodeError as error:
        raise FormatError(str(error)) from error


def _task(scene: Scene) -> tuple[dict[str, Any], list[Loss]]:
    own = fields.own_extra(scene, "labelstudio")
    task = json.loads(json.dumps(fields.as_kind(own.get("task", {}), dict, "extra labelstudio")))
    data = fields.as_kind(task.setdefault("data", {}), dict, "data")
    image = check_image_name(scene.frame.image)
    key = _image_key(data)[0] if any(isinstance(value, str) for value in data.values()) else "image"
    written = own.get("image")
    is_kept = isinstance(written, str) and _image_name(written) == image
    data[key] = written if is_kept else _data_image(image)
    predictions = _dicts(task, "predictions")
    groups: dict[str, list[int]] = {}
    for index, instance in enumerate(scene.instances):
        groups.setdefault(_list_of(instance, predictions), []).append(index)
    annotations = _dicts(task, "annotations")
    if _chosen(annotations) is None and ("annotation" in groups or not scene.instances):
        annotations.append({"result": []})
    task |= {"annotations": annotations} if annotations else {}
    task |= {"predictions": predictions} if predictions else {}
    kept = fields.as_kind(own.get("kept", {}), dict, "extra labelstudio, kept")
    losses: list[Loss] = []
    names = [f"prediction {index}" for index in range(len(predictions))]
    names = ["annotation"] * (_chosen(annotations) is not None) + names
    for name in names:
        chosen = groups.get(name, [])
        results, lost = write_results(
            scene, chosen, name, kept.get(name, []), of_frame=name == names[0]
        )
        _holder(task, name)["result"] = results
        losses += lost
    data |= _size_data(scene, [_holder(task, name) for name in names])
    return task, losses


def _size_data(scene: Scene, lists: list[dict[str, Any]]) -> dict[str, int]:
    """Return the size as data of the task, where no region says it."""
    told = any("original_width" in result for one in lists for result in one["result"])
    if told or scene.extra.get("assumed_size"):
        return {}
    return dict(zip(("width", "height"), scene.frame.size_wh, strict=True))


def _list_of(instance: Instance, predictions: list[dict[str, Any]]) -> str:
    """Return the list of results that an instance belongs to; a new prediction where none fits."""
    if instance.source == "label" and instance.confidence is None:
        return "annotation"
    own = fields.own_extra(instance, "labelstudio")
    index = own.get("prediction")
    model = instance.source if instance.source not in ("label", PREDICTION) else None
    models = [one.get("model_version") or None for one in predictions]
    if type(index) is not int or not 0 <= index < len(models) or models[index] != model:
        index = models.index(model) if model in models else len(models)
    if index == len(models):
        predictions.append({"model_version": model, "result": []} if model else {"result": []})
    return f"prediction {index}"


LABELSTUDIO = Format(
    name="labelstudio",
    title="Label Studio (JSON tasks)",
    path_is="file",
    open=open_labelstudio,
    save=save_labelstudio,
    recognise=recognise_labelstudio,
    holds="boxes, polygons, lines, points, brush masks; attributes as choices; predictions, scores",
    lost_in="all annotations of a task but one stay in extra; handles of curves",
    lost_out="visibility, clip, sets of points; polygons of several rings become brush masks",
)
