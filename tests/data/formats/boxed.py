"""What tests of box formats share: scenes of boxes, trips through a format, every other format."""

import numpy as np
from hypothesis import strategies as st

from drivegrid.data.formats import FORMATS
from drivegrid.data.formats.peek import Peek
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box
from tests.data.builders import make_scene
from tests.data.formats.test_formats import KEPT, LANE, PATHS

_number = st.floats(-1e6, 1e6) | st.integers(-5, 2000).map(float)
boxes = st.tuples(_number, _number, _number, _number).map(
    lambda v: Box(np.array([min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])]))
)


def box_scenes(labels, states=(), *, confidence=False, min_size=0, image="images/a.jpg"):
    """Return scenes of boxes.

    Args:
        labels: Label and attributes of each kind of instance.
        states: Visible states that the format holds.
        confidence: Whether it holds scores.
        min_size: Least number of instances.
        image: Name of the picture.
    """
    state = st.sampled_from([{}, *({"visible_state": state} for state in states)])
    instance = st.builds(
        lambda kind, box, state, score: Instance(kind[0], box, {**kind[1], **state}, None, score),
        st.sampled_from(labels),
        boxes,
        state,
        st.none() | st.floats(0, 1) if confidence else st.none(),
    )
    sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
    return st.builds(
        lambda size, instances: Scene(Frame(image, size), tuple(instances)),
        sizes,
        st.lists(instance, min_size=min_size, max_size=4),
    )


def make_box(label, *xyxy, **changes):
    return Instance(label, Box(np.array(xyxy or (10, 20, 30, 40), dtype=float)), **changes)


def put(folder, content, name):
    """Write a file of text or bytes into a folder, and return the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def trip(name, scenes, path):
    """Return scenes written and read, and the messages of what was lost."""
    saved = FORMATS[name].save(scenes, path)
    assert saved.quarantine.rejected == []
    loaded = FORMATS[name].load(path)
    assert loaded.quarantine.rejected == []
    return loaded.scenes, [loss.message for loss in saved.losses]


def read_one(name, path):
    """Return the only scene at a path."""
    loaded = FORMATS[name].load(path)
    assert loaded.quarantine.rejected == []
    [scene] = loaded.scenes
    return scene


def read_back_or_set_aside(name, path):
    """Read what may be broken: every frame is kept or set aside; those kept come back as read."""
    loaded = FORMATS[name].load(path)
    assert loaded.quarantine.num_read >= 1
    if loaded.scenes:
        again, _ = trip(name, loaded.scenes, path.with_name("again" + path.suffix))
        assert again == loaded.scenes
    return loaded


def recognised_in(name, folder):
    """Return the formats whose written scenes a format takes for its own."""
    taken = []
    said = [{"text": "follow it", "targets": [0]}]
    for other, entry in FORMATS.items():
        if entry.save is None:
            continue
        path = folder / other / PATHS[other]
        path.parent.mkdir()
        entry.save([make_scene(KEPT.get(other, LANE), extra={"expressions": said})], path)
        if FORMATS[name].recognise(Peek(path)):
            taken.append(other)
    return taken
