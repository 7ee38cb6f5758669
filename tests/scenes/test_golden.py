"""Labels of three seeds as they were when last looked at.

Where the world changes on purpose, look at pictures of the seeds and renew the files:

    python -m tests.scenes.test_golden
"""

import json
from pathlib import Path

import pytest

from tests.scenes.worlds import labelled

FOLDER = Path(__file__).parents[1] / "golden" / "scenes"
SEEDS = (7, 21, 500_003)


def record(seed: int) -> dict:
    """Frame and instances at 320 x 180, coordinates in hundredths of a pixel."""
    scene = labelled(seed, (320, 180)).scene
    return {
        "attributes": dict(scene.frame.attributes),
        "template": scene.extra["template"],
        "instances": [
            {
                "label": i.label,
                "attributes": dict(i.attributes),
                "visibility": None if i.visibility is None else round(i.visibility, 2),
                "vertices": i.geometry.vertices().round(2).tolist(),
            }
            for i in scene.instances
        ],
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_are_as_they_were(seed):
    expected = json.loads((FOLDER / f"{seed}.json").read_text(encoding="utf-8"))
    found = record(seed)
    assert found["attributes"] == expected["attributes"]
    assert found["template"] == expected["template"]
    labels = [[i["label"] for i in r["instances"]] for r in (found, expected)]
    assert labels[0] == labels[1]
    for now, then in zip(found["instances"], expected["instances"], strict=True):
        assert now["attributes"] == then["attributes"], now["label"]
        assert now["visibility"] == pytest.approx(then["visibility"], abs=0.02)
        flat = [value for point in now["vertices"] for value in point]
        assert flat == pytest.approx([v for p in then["vertices"] for v in p], abs=0.05)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number in SEEDS:
        text = json.dumps(record(number), separators=(",", ":"))
        (FOLDER / f"{number}.json").write_text(text + "\n", encoding="utf-8")
