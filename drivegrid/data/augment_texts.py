"""What a data set says of a frame in words, carried over to a changed frame, or left out.

An expression with a logical form is judged anew: its targets are what it means in the new frame,
and it stays only where that is beyond doubt. Words without a form stay only where nothing that
they could speak of has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from drivegrid.data.augment_words import mirror_form, names_side, swap_sides
from drivegrid.data.fields import as_kind, field
from drivegrid.data.judge import Judge
from drivegrid.data.phrasing import templates
from drivegrid.data.queries import query_from_json
from drivegrid.data.scene import Scene

_OWN = ("text", "source", "template")
"""What stays of an expression beside targets and form."""


def carry_texts(source: Scene, changed: Scene, *, is_whole: bool, is_mirrored: bool) -> Scene:
    """Return the changed scene with those texts of its source that are true of it.

    Args:
        source: ``extra["expressions"]`` and ``extra["questions"]`` are carried over.
        changed: What became of it.
        is_whole: No instance was lost, so that words without a form may still hold.
        is_mirrored: Left and right were exchanged.

    Raises:
        FormatError: If the texts are not what readers leave.
    """
    extra = dict(changed.extra)
    if "expressions" in source.extra:
        judge = Judge(changed)
        rows = as_kind(source.extra["expressions"], list, "expressions")
        extra["expressions"] = [
            carried
            for row in rows
            for carried in _expression(
                as_kind(row, dict, "expression"), judge, is_whole, is_mirrored
            )
        ]
    if "questions" in source.extra:
        rows = as_kind(source.extra["questions"], list, "questions")
        extra["questions"] = [
            row
            for row in rows
            if is_whole and _still_holds(as_kind(row, dict, "question"), is_mirrored)
        ]
    return replace(changed, extra=extra)


def _expression(
    row: dict[str, Any], judge: Judge, is_whole: bool, is_mirrored: bool
) -> Iterator[dict[str, Any]]:
    """Yield the expression as it is in the new frame, if it can be carried over."""
    text = field(row, "text", str, "expression")
    kept = {name: row[name] for name in _OWN if name in row}
    if "form" not in row:
        if is_whole and not (is_mirrored and names_side(text)):
            yield kept | {"targets": field(row, "targets", list, "expression")}
        return
    form = row["form"]
    if is_mirrored:
        form, kept["text"] = mirror_form(form), swap_sides(text)
        if "template" in row:
            twin = _twin(field(row, "template", str, "expression"))
            if twin is None:
                return
            kept["template"] = twin
    targets = judge.targets(query_from_json(form))
    if targets is not None:
        yield kept | {"targets": list(targets), "form": form}


@cache
def _twin(name: str) -> str | None:
    """Return the template that says the mirrored words; None where training may not see them."""
    known = {template.name: template for template in templates()}
    if name not in known:
        return name
    twin = known.get(swap_sides(name))
    if twin is None or not {swap_sides(one) for one in known[name].say} <= set(twin.say):
        return None
    return twin.name


def _still_holds(row: dict[str, Any], is_mirrored: bool) -> bool:
    """Tell whether question and answer name no place in the picture, nor a side if mirrored."""
    words = field(row, "question", str, "question") + " " + field(row, "answer", str, "question")
    return not any(map(str.isdigit, words)) and not (is_mirrored and names_side(words))
