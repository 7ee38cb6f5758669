"""What the renderer writes must be words of the taxonomy, and words the tasks can say."""

from drivegrid.labels import default_label_space
from drivegrid.scenes.render import render_scene
from drivegrid.tasks.objects import ASKED_CLASSES
from drivegrid.tasks.table import TASKS


def test_rendered_labels_and_attributes_are_in_the_taxonomy() -> None:
    space = default_label_space()
    seen = set()
    for seed in range(30):
        for instance in render_scene(seed, (256, 144)).scene.instances:
            values = space.attributes_of(instance.label)
            for name, value in instance.attributes.items():
                assert value in values[name], (instance.label, name, value)
            seen.add(instance.label)
    assert len(seen) >= 10


def test_every_rendered_kind_belongs_to_a_task() -> None:
    answered = set()
    for seed in range(30):
        scene = render_scene(seed, (256, 144)).scene
        answered |= {name for name, task in TASKS.items() if task.instances(scene)}
    assert answered == set(TASKS)


def test_classes_asked_by_name_exist() -> None:
    assert set(ASKED_CLASSES) <= set(default_label_space().paths)
