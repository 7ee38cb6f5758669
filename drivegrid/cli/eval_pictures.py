"""The pictures of ``drivegrid eval-model --pictures``: where a model is at its best and worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from drivegrid.data.images import load_image, save_image
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray
from drivegrid.inference.examine import Sitting
from drivegrid.plotting.canvas import ImageArray
from drivegrid.plotting.overlay import draw_scene
from drivegrid.plotting.sheet import contact_sheet
from drivegrid.tasks.exam import Exam, asked_scene, marked_place
from drivegrid.tasks.exam_score import ATTRIBUTES, Sheet, frame_scores

MOST = 10
"""So many of the best frames of a task are drawn, and as many of the worst."""
WIDTH_PX = 720
JUDGED_BY = {
    "lanes": "lane F1@50",
    "objects": "box Acc@50",
    "signs": "sign hit with label",
    "drivable": "drivable gIoU",
    "referring": "all expressions F1@50",
    "attributes": ATTRIBUTES,
}
"""Task to the figure that orders its frames."""
_KINDS = {"lanes": "line", "objects": "box", "signs": "point", "drivable": "poly"}


def draw_frames(sitting: Sitting, folder: Path) -> None:
    """Write the best and the worst frames of each task, the label on the left, the answer right.

    Files are named by task, side and place, as ``lanes-worst-01.png`` for the very worst. Frames
    in which a task has nothing to find are left out.

    Args:
        sitting: What was asked and answered.
        folder: Where the pictures go.
    """
    scores = frame_scores(sitting.exam.split, sitting.sheets, sitting.exam.lanes)
    for task, figure in JUDGED_BY.items():
        if figure not in scores:
            continue
        worst, best = _ends(scores[figure])
        for side, places in (("worst", worst), ("best", best)):
            for number, index in enumerate(places, 1):
                title = f"{task}, {figure} {100 * scores[figure][index]:.1f}"
                picture = _side_by_side(sitting, task, index, title)
                save_image(folder / f"{task}-{side}-{number:02}.png", picture)


def _ends(scores: FloatArray) -> tuple[list[int], list[int]]:
    """Return places of the worst, the very worst first, and of the best, the very best first."""
    order = np.argsort(scores, kind="stable")
    order = order[~np.isnan(scores[order])]
    return order[:MOST].tolist(), order[::-1][:MOST].tolist()


def _side_by_side(sitting: Sitting, task: str, index: int, title: str) -> ImageArray:
    exam, sheet = sitting.exam, sitting.sheets[index]
    image = load_image(exam.pictures[index])
    height = round(image.shape[0] * WIDTH_PX / image.shape[1])
    resized = cv2.resize(image, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    small = np.asarray(resized, dtype=np.uint8)
    frame = exam.split.scenes[index].frame
    sides = [
        draw_scene(small, Scene(frame, tuple(instances)))
        for instances in (_labelled(exam, task, index), _answered(exam, sheet, task, index))
    ]
    captions = [f"label: {title}", f"answer: {frame.image}"]
    return contact_sheet(sides, captions, 2)


def _labelled(exam: Exam, task: str, index: int) -> Sequence[Instance]:
    """Return what should have been answered; names are the questions, or the options chosen."""
    split, scene = exam.split, exam.split.scenes[index]
    if task == "referring":
        return [
            Instance(asked.text, scene.instances[target].geometry)
            for asked in split.expressions[index]
            for target in asked.targets
        ]
    if task == "attributes":
        return [Instance(q.answer, marked_place(scene, q.instance)) for q in split.questions[index]]
    return _of_task(asked_scene(scene, exam.lanes), task)


def _answered(exam: Exam, sheet: Sheet, task: str, index: int) -> Sequence[Instance]:
    split, scene = exam.split, exam.split.scenes[index]
    if task == "referring":
        told = zip(split.expressions[index], sheet.expressions, strict=True)
        return [Instance(asked.text, shape) for asked, shapes in told for shape in shapes or ()]
    if task == "attributes":
        chosen = zip(split.questions[index], sheet.choices, strict=True)
        return [
            Instance(choice or "no answer", marked_place(scene, question.instance))
            for question, choice in chosen
        ]
    return _of_task(sheet.scene, task)


def _of_task(scene: Scene, task: str) -> Sequence[Instance]:
    # Numbers of the model's certainty would hide the picture.
    kept = (i for i in scene.instances if i.geometry.kind == _KINDS[task])
    return [replace(instance, confidence=None) for instance in kept]
