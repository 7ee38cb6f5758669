"""Referring expressions from templates, each with its logical form, true by construction.

A template and what fills its blanks are drawn together from a scene; the form is judged on the
scene and kept only where its answer is beyond doubt; then it is put into words. Templates and
wordings that are held out never appear in the training split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from drivegrid.data.blanks import BlankDrawer, pick
from drivegrid.data.expressions import KINDS, Kind, kind_of
from drivegrid.data.judge import Judge
from drivegrid.data.ordering import Targets
from drivegrid.data.phrasing import Split, Template, templates
from drivegrid.data.queries import Query
from drivegrid.data.scene import Scene

TEMPLATES_TRIED, TRIES = 24, 4
"""Templates that are drawn for one expression, and draws from each, before it is given up."""


@dataclass(frozen=True, slots=True)
class Referring:
    """Words, what they ask for, and what that means in one scene.

    Args:
        text: The words.
        query: Logical form that the words say.
        targets: Indices of the instances meant, ascending; may be empty.
        template: Name of the template.
    """

    text: str
    query: Query
    targets: Targets
    template: str

    @property
    def kind(self) -> Kind:
        """How many are meant: "single", "multiple" or "none"."""
        return kind_of(self.targets)

    def to_json(self) -> dict[str, Any]:
        """Return an entry of ``scene.extra["expressions"]``."""
        return {
            "text": self.text,
            "targets": list(self.targets),
            "source": "drivegrid",
            "template": self.template,
            "form": self.query.to_json(),
        }


def draw_referring(
    scene: Scene, rng: np.random.Generator, count: int, split: Split = "train"
) -> list[Referring]:
    """Draw at most ``count`` expressions of different words, as many of each kind as possible.

    Args:
        scene: Labels; ``extra["ego"]`` of its instances says where things are (without it fewer
            expressions are clear).
        rng: Source of the draw.
        count: Number of expressions wanted. Kinds take turns; one that the scene does not give
            is left out, not replaced.
        split: Whose wordings are used.
    """
    judge = Judge(scene)
    drawer = BlankDrawer(judge, rng)
    found: dict[str, Referring] = {}
    turn = int(rng.integers(len(KINDS)))
    for place in range(count):
        kind = KINDS[(turn + place) % len(KINDS)]
        for _ in range(TEMPLATES_TRIED):
            drawn = _try(pick(rng, _templates_for(kind, split)), kind, drawer, split)
            if drawn is not None and drawn.text not in found:
                found[drawn.text] = drawn
                break
    return list(found.values())


@cache
def _templates_for(kind: Kind, split: Split) -> Sequence[Template]:
    """Return the templates of a split that can have answers of a kind, each by its weight."""
    numbers = {"single": ("one", "all"), "multiple": ("all", "exactly", "at least")}
    able = numbers.get(kind, ("one", "all", "exactly", "at least"))
    fit = [t for t in templates() if t.wordings(split) and t.form.get("number", "all") in able]
    return [template for template in fit for _ in range(template.weight)]


def _try(template: Template, kind: Kind, drawer: BlankDrawer, split: Split) -> Referring | None:
    for _ in range(TRIES if template.blanks else 1):
        blanks = drawer.draw(template, anything=kind == "none")
        if blanks is None:
            continue
        query = template.query(blanks)
        targets = drawer.judge.targets(query)
        if targets is not None and kind_of(targets) == kind:
            text = template.text(pick(drawer.rng, template.wordings(split)), blanks)
            return Referring(text, query, targets, template.name)
    return None
