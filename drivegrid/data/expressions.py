"""Referring expressions about a scene, clear by construction.

Every expression is a `Description`: the words and the instances come from the same object, the
words can be read back (`read_description`), and an expression is only given where the description
is clear in the scene.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from drivegrid.data.descriptions import (
    ADJECTIVES,
    BLOCKING,
    ORDINALS,
    Description,
    Form,
    askable,
    relations_for,
)
from drivegrid.data.ordering import Targets
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space

Kind: TypeAlias = Literal["single", "multiple", "none"]
KINDS: tuple[Kind, ...] = ("single", "multiple", "none")
TRIES = 60
"""Descriptions that are drawn for one expression before it is given up."""
MAX_ADJECTIVES = 2
_OF_KNOWN_SIGNS = (("visible_state", "partly hidden"), ("visible_state", "cut off"))

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Expression:
    """Words and what they mean in one scene.

    Args:
        text: The words.
        kind: "single", "multiple" or "none", by the number of targets.
        targets: Indices of the instances meant, ascending.
        root: "lane", "obstacle", "object", "sign" or "light": what is asked for.
    """

    text: str
    kind: Kind
    targets: Targets
    root: str


def express(description: Description, scene: Scene) -> Expression | None:
    """Return the expression of a description, or None where it is not clear in the scene."""
    targets = description.targets(scene)
    if targets is None:
        return None
    return Expression(description.text(), kind_of(targets), targets, description.root)


def kind_of(targets: Targets) -> Kind:
    """Return the kind of an expression with these targets."""
    return "none" if not targets else "single" if len(targets) == 1 else "multiple"


def refer(scene: Scene, rng: np.random.Generator, count: int) -> list[Expression]:
    """Draw at most ``count`` different expressions, as many of each kind as the scene allows.

    Args:
        scene: Labels; ``extra["ego"]`` of its instances says where things are (without it fewer
            expressions are clear).
        rng: Source of the draw.
        count: Number of expressions wanted. Kinds take turns; one that the scene does not give
            is left out, not replaced.
    """
    found: dict[str, Expression] = {}
    turn = int(rng.integers(len(KINDS)))
    for place in range(count):
        kind = KINDS[(turn + place) % len(KINDS)]
        for _ in range(TRIES):
            drawn = express(_draw(scene, kind, rng), scene)
            if drawn is not None and drawn.kind == kind and drawn.text not in found:
                found[drawn.text] = drawn
                break
    return list(found.values())


def check(expression: Expression, scene: Scene) -> str:
    """Return what is wrong with an expression in its scene, read from its words; empty if nothing.

    >>> from drivegrid.data.scene import Frame
    >>> check(Expression("is there any car?", "single", (0,), "object"), Scene(Frame("", (9, 9))))
    'targets must be (), got (0,)'
    """
    try:
        meant = express(read_description(expression.text), scene)
    except FormatError as error:
        return error.message
    if meant is None:
        return f"expression must be clear in its scene, got {expression.text!r}"
    for name in ("targets", "kind", "root"):
        want, got = getattr(meant, name), getattr(expression, name)
        if want != got:
            return f"{name} must be {want!r}, got {got!r}"
    return ""


def choose(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """Draw one of the options, of which there are some."""
    return options[int(rng.integers(len(options)))]


def _draw(scene: Scene, kind: Kind, rng: np.random.Generator) -> Description:
    """Draw a description that may be of a kind in the scene."""
    if rng.random() < 0.06:
        return Description("", "any")
    forms: tuple[Form, ...] = ("the", "all", "every", "any")
    weights = (0.0, 0.5, 0.2, 0.3) if kind == "multiple" else (0.6, 0.15, 0.05, 0.2)
    form: Form = forms[int(rng.choice(4, p=weights))]
    about = _about_something(scene, form, rng)
    if about is None:
        return _narrowed(Description(choose(rng, askable()), form), rng)
    return _altered(about, scene, rng) if kind == "none" else about


def _about_something(scene: Scene, form: Form, rng: np.random.Generator) -> Description | None:
    """Draw a description that holds for some instance; None where there is nothing to ask for.

    Roots are drawn first, so that the many lane lines do not crowd out the one sign.
    """
    roots: dict[str, list[int]] = {}
    for index, instance in enumerate(scene.instances):
        if asked_paths(instance.label):
            roots.setdefault(instance.label.partition("/")[0], []).append(index)
    if not roots:
        return None
    instance = scene.instances[choose(rng, roots[choose(rng, list(roots))])]
    label = choose(rng, asked_paths(instance.label))
    known = [pair for pair in attributes_for(label) if instance.attributes.get(pair[0]) == pair[1]]
    relations = [name for name, holds in relations_for(label).items() if holds(instance)]
    description = Description(label, form)
    if form == "the" and (ranked := _ranked(description, rng)) is not None and rng.random() < 0.45:
        return ranked
    if known and rng.random() < 0.5:
        description = replace(description, attributes=draw_attributes(known, rng))
    if relations and rng.random() < 0.5:
        description = replace(description, relation=choose(rng, relations))
    if form == "the" and not label.startswith("lane") and rng.random() < 0.25:
        description = replace(description, rank=choose(rng, ("nearest", "farthest")))
    return description


@cache
def asked_paths(label: str) -> tuple[str, ...]:
    """Return the askable paths that a label lies under, itself included."""
    return tuple(path for path in askable() if f"{label}/".startswith(f"{path}/"))


@cache
def attributes_for(label: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, value) pairs that can be asked of a label."""
    values = default_label_space().attributes_of(label)
    said = [(name, value) for name in ADJECTIVES for value in ADJECTIVES[name]]
    said += [("limit", value) for value in values.get("limit", ())]
    if label.startswith("sign/"):  # what a stop sign looks like goes without saying
        said = [pair for pair in said if pair[0] == "limit" or pair in _OF_KNOWN_SIGNS]
    if label != "lane/line":  # stop lines and arrows have styles of their own, which nobody names
        said = [pair for pair in said if pair[0] != "style"]
    return tuple((name, value) for name, value in said if value in values.get(name, ()))


def draw_attributes(
    pairs: Sequence[tuple[str, str]], rng: np.random.Generator
) -> tuple[tuple[str, str], ...]:
    """Draw one or two attributes, of different names, in the order in which they are said."""
    names = list(dict.fromkeys(name for name, _ in pairs))
    num = min(len(names), 1 if rng.random() < 0.7 else MAX_ADJECTIVES)
    kept = [names[i] for i in sorted(rng.permutation(len(names))[:num].tolist())]
    return tuple((name, choose(rng, [v for n, v in pairs if n == name])) for name in kept)


def _ranked(description: Description, rng: np.random.Generator) -> Description | None:
    """Return the description with a place in a row; lane lines are counted, others half the time.

    Lines across the road have no place in it.
    """
    if description.label == "lane/line" or not description.label.startswith("lane"):
        longest = len(ORDINALS) if description.label == "lane/line" else 3
        side = choose(rng, ("left", "right"))
        return replace(description, rank=side, place=int(rng.integers(longest)))
    return None


def _narrowed(description: Description, rng: np.random.Generator) -> Description:
    """Return the description with an attribute or a relation, if the label has any."""
    pairs, relations = attributes_for(description.label), list(relations_for(description.label))
    if pairs and rng.random() < 0.5:
        return replace(description, attributes=draw_attributes(pairs, rng))
    if relations and rng.random() < 0.6:
        return replace(description, relation=choose(rng, relations))
    return description


def _altered(about: Description, scene: Scene, rng: np.random.Generator) -> Description:
    """Change one thing in a description that holds, so that it may mean nothing any more."""
    if about.rank in ("left", "right"):
        return replace(about, place=int(rng.integers(about.place, len(ORDINALS))))
    if rng.random() < 0.35:
        near = [path for path in askable() if path.partition("/")[0] == about.root]
        return _narrowed(Description(choose(rng, near), about.form), rng)
    return _narrowed(replace(about, attributes=(), relation=""), rng)


def read_description(text: str) -> Description:
    """Return the description that words written by `Description.text` came from.

    Raises:
        FormatError: If the words are none of those.

    >>> read_description("all orange cones in our lane")
    Description(label='obstacle/cone', form='all', attributes=(('color', 'orange'),), \
relation='in our lane', rank='', place=0)
    """
    if text == BLOCKING:
        return Description("", "any")
    for form, start, end in _FORMS:
        if text.startswith(start) and text.endswith(end):
            inner = text[len(start) : len(text) - len(end)]
            for description in _readings(inner, form):
                if description.text() == text:
                    return description
    raise FormatError(f"expression must be in the words of descriptions, got {text!r:.200}")


_FORMS: tuple[tuple[Form, str, str], ...] = (
    ("any", "is there any ", "?"),
    ("the", "the ", ""),
    ("all", "all ", ""),
    ("every", "every ", ""),
)


def _readings(inner: str, form: Form) -> Iterator[Description]:
    """Yield descriptions whose words may be these; the caller compares."""
    first, _, rest = inner.partition(" ")
    if form == "the" and first in ("nearest", "farthest"):
        yield from (replace(d, rank=first) for d in _readings(rest, form))
    if form == "the" and first in ORDINALS:
        for side in ("left", "right"):
            if rest.endswith(f" from the {side}"):
                label = _nouns().get(rest.removesuffix(f" from the {side}"))
                if label is not None:
                    yield Description(label, form, (), "", side, ORDINALS.index(first))
    words = inner.split(" ")
    for start, stop in product(range(len(words)), range(len(words), 0, -1)):
        label = _nouns().get(" ".join(words[start:stop]))
        if label is None:
            continue
        after = " ".join(words[stop:])
        pairs, left = _read_adjectives(words[:start], label), after
        limit = ("limit", " ".join(words[stop + 1 : stop + 2]))
        if words[stop : stop + 1] == ["for"] and limit in attributes_for(label):
            pairs, left = [*pairs, limit], " ".join(words[stop + 2 :])
        if not left or left in relations_for(label):
            yield Description(label, form, tuple(pairs), left)


@cache
def _nouns() -> dict[str, str]:
    """Return words and plurals to paths."""
    space = default_label_space()
    labels = [space.label(path) for path in askable()]
    return {word: label.path for label in labels for word in (label.words, label.plural)}


def _read_adjectives(words: Sequence[str], label: str) -> list[tuple[str, str]]:
    """Return the attributes that adjectives before a noun name; unknown words are passed over."""
    text, found = " ".join(words), []
    for name, value in attributes_for(label):
        said = ADJECTIVES.get(name, {}).get(value)
        if said is not None and text.startswith(said) and text[len(said) :][:1] in ("", " "):
            longer = [v for n, v in ADJECTIVES[name].items() if n != value and v.startswith(said)]
            if any(text.startswith(other) for other in longer):
                continue
            found.append((name, value))
            text = text[len(said) :].strip()
    return found


def count_kinds(expressions: Sequence[Expression]) -> dict[str, int]:
    """Return how many expressions there are of each kind."""
    return {kind: Counter(e.kind for e in expressions)[kind] for kind in KINDS}
