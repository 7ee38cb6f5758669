"""Broken files for the fuzz tests of formats."""

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
