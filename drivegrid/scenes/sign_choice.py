"""Which sign face a post shows."""

from __future__ import annotations

from functools import cache

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.faces import FACES

_KINDS = {
    "sign/regulatory": 3.0,
    "sign/warning": 3.0,
    "sign/information": 3.0,
    "sign/complementary": 0.6,
    "sign/temporary": 0.5,
    "sign/advertisement": 0.5,
}
_OVERHEAD = ("sign/regulatory/lane_control",)
_GUIDES = ("blue", "green")


class Faces:
    """Sign faces by label; held-out ones for test scenes only.

    Args:
        test: Whether held-out faces may be shown. Test scenes then also show all labels, speed
            limits and colours in turn, so that each occurs about equally often.
        turn: Place of the scene in that order.
    """

    def __init__(self, test: bool, turn: int = 0) -> None:
        self._test = test
        self._turn = turn
        self._shown = 0

    @property
    def least(self) -> int:
        """Fewest posts of a scene, whose faces show labels in turn."""
        return 3 if self._test else 0

    def allows(self, key: str) -> bool:
        """Return whether the scene may show a face."""
        return self._test or not FACES[key].held_out

    def pick(self, d: Draws, prefixes: tuple[str, ...]) -> str:
        """Return the key of a face whose label starts with one of the prefixes, labels alike."""
        return self._variant(d, d.pick(_by_label(prefixes, self._test)))

    def roadside(self, d: Draws) -> str:
        """Return a face for a post: colours, labels or kinds alike, half for colours."""
        way = d.share()
        if way < 1 / 2:
            return self._variant(d, d.pick(_by_color(self._test)))
        if way < 3 / 4:
            return self._variant(d, d.pick(_roadside(self._test)))
        kind = d.weighted(_KINDS)
        keys = [k for k in _roadside(self._test) if FACES[k[0]].label.startswith(kind)]
        return self._variant(d, d.pick(keys))

    def in_turn(self, d: Draws) -> str:
        """Return a face of the label, limit or colour whose turn it is; any in training scenes."""
        if not self._test:
            return self.roadside(d)
        self._shown += 1
        if self._shown % 5 == 0:
            colors = _by_color(True)
            return self._variant(d, colors[self._turn % len(colors)])
        messages = _messages()
        place = self._turn + self._shown * (len(messages) // 3)
        return self._variant(d, messages[place % len(messages)])

    def overhead(self, d: Draws, *, guides: bool) -> str:
        """Return a face that hangs over lanes: lane control, or a guide of a motorway."""
        if not guides or d.chance(0.3):
            return self.pick(d, _OVERHEAD)
        keys = [
            key for keys in _by_label(("sign/information/direction",), self._test) for key in keys
        ]
        return self._variant(d, tuple(k for k in keys if FACES[k].color in _GUIDES))

    def _variant(self, d: Draws, keys: tuple[str, ...]) -> str:
        """Return one of several faces; test scenes prefer the held-out ones."""
        if self._test:
            new = [key for key in keys if FACES[key].held_out]
            if new and d.chance(0.4):
                return d.pick(new)
        return d.pick(keys)


@cache
def _by_label(prefixes: tuple[str, ...], test: bool) -> tuple[tuple[str, ...], ...]:
    """Keys of the faces whose label starts with a prefix, label by label."""
    found: dict[str, list[str]] = {}
    for key, face in FACES.items():
        if face.label.startswith(prefixes) and (test or not face.held_out):
            found.setdefault(face.label, []).append(key)
    return tuple(tuple(keys) for keys in found.values())


@cache
def _roadside(test: bool) -> tuple[tuple[str, ...], ...]:
    """Keys label by label, those left out that only hang over lanes."""
    return tuple(
        keys for keys in _by_label(("sign/",), test) if FACES[keys[0]].label not in _OVERHEAD
    )


@cache
def _messages() -> tuple[tuple[str, ...], ...]:
    """Keys of the roadside's faces, label by label and limit by limit."""
    found: dict[tuple[str, str], list[str]] = {}
    for keys in _roadside(True):
        for key in keys:
            face = FACES[key]
            found.setdefault((face.label, face.attributes.get("limit", "")), []).append(key)
    return tuple(tuple(keys) for keys in found.values())


@cache
def _by_color(test: bool) -> tuple[tuple[str, ...], ...]:
    """Keys of the roadside's faces, colour by colour."""
    found: dict[str, list[str]] = {}
    for keys in _roadside(test):
        for key in keys:
            found.setdefault(FACES[key].color, []).append(key)
    return tuple(tuple(keys) for keys in found.values())
