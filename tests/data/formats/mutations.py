"""Broken files for the fuzz tests of formats."""

import re

from hypothesis import strategies as st


@st.composite
def mutated(draw, content: bytes) -> bytes:
    """Return a file after a few bytes are flipped, cut out, doubled or put in."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.integers(0, 12)))
        match draw(st.integers(0, 3)):
            case 0:
                content = content[:start] + draw(st.binary(max_size=4)) + content[stop:]
            case 1:
                content = content[:stop] + content[start:]
            case 2:
                words = [
                    b"null",
                    b"-1e999",
                    b"[]",
                    b"{}",
                    b'""',
                    b"true",
                    b"1e9",
                    b'"x"',
                    b"9" * 400,
                ]
                content = content[:start] + draw(st.sampled_from(words)) + content[stop:]
            case _:
                content = content[:start]
    return content


ODD_VALUES = (None, True, -0.5, "x", [], ["x"], {"x": 1})
"""One of each kind of JSON value, for the place of another."""


def swapped(value, odd=ODD_VALUES):
    """Yield a JSON value with each value in it, and it itself, in turn replaced by odd ones.

    >>> list(swapped({"a": [1]}, odd=["x"]))
    ['x', {'a': 'x'}, {'a': ['x']}]
    """
    yield from (other for other in odd if type(other) is not type(value) or other != value)
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        for changed in swapped(value[key], odd):
            copy = value.copy()
            copy[key] = changed
            yield copy


def swapped_words(text, odd=("", "x", "-1", "1e999", "nan", "9" * 400, "\u00b2", "<x/>", "a,b;c")):
    """Yield a text with each word or number in it in turn replaced by odd ones."""
    for word in re.finditer(r"[\w.+-]+", text):
        yield from (text[: word.start()] + other + text[word.end() :] for other in odd)
