"""The attribute questions of a scene: one for each marked place and task that has an answer."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.data.scene import Instance, Scene
from drivegrid.labels import AttributeTask, LabelSpace, default_label_space

LABEL = "label"
"""Name of the attribute whose value is the label's words."""


@dataclass(frozen=True, slots=True)
class AttributeQuestion:
    """A question about one instance, with its closed list of answers.

    Args:
        instance: Index in the scene of what is asked about; its geometry marks the place.
        task: Name of the attribute task.
        question: The words.
        options: Possible answers.
        answer: The right one.
    """

    instance: int
    task: str
    question: str
    options: tuple[str, ...]
    answer: str


def attribute_questions(scene: Scene, space: LabelSpace | None = None) -> list[AttributeQuestion]:
    """Return every question the scene answers, by instance, then in the order of the tasks.

    An instance that lacks the attribute, or whose value is no option, is not asked about.
    """
    space = space or default_label_space()
    tasks = {
        label: [task for task in space.tasks.values() if _applies(task, label, space)]
        for label in {instance.label for instance in scene.instances}
    }
    return [
        AttributeQuestion(index, task.name, task.question, task.options, answer)
        for index, instance in enumerate(scene.instances)
        for task in tasks[instance.label]
        if (answer := answer_of(instance, task, space)) in task.rules
    ]


def _applies(task: AttributeTask, label: str, space: LabelSpace) -> bool:
    """Tell whether a task asks about a label."""
    return label in space.labels and any(space.is_a(label, root) for root in task.applies_to)


def answer_of(instance: Instance, task: AttributeTask, space: LabelSpace) -> str:
    """Return what an instance answers to a task; empty where the task does not apply.

    >>> from drivegrid.geometry import Point
    >>> space = default_label_space()
    >>> sign = Instance("sign/regulatory/stop", Point((3.0, 4.0)), {"color": "red"})
    >>> answer_of(sign, space.tasks["sign_color"], space)
    'red'
    """
    if not _applies(task, instance.label, space):
        return ""
    if task.attribute == LABEL:
        return space.words(instance.label)
    return instance.attributes.get(task.attribute, "")
