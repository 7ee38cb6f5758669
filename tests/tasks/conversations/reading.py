"""How tests read conversations back: strictly, and turn by turn."""

from dataclasses import replace

from drivegrid.tokens.grammar import parse_answer, parse_offsets


def pairs(record):
    """Return (prompt, answer, targets) of each turn."""
    texts = record.texts
    return list(zip(texts[::2], texts[1::2], record.targets, strict=True))


def is_refine(prompt):
    return prompt.startswith("refine: ")


def read_answer(prompt, answer, grid):
    """Return the items an answer says, read strictly; a refine turn's with all its offsets."""
    if not is_refine(prompt):
        return parse_answer(answer, grid, strict=True).items
    _, _, rest = prompt.partition("\n")
    lines = rest.split("\n")
    rounds = [line for line in lines if line.startswith("<offset>")]
    proposal = parse_answer("\n".join(lines[: len(lines) - len(rounds)]), grid, strict=True).items
    shapes = [item.geometry for item in proposal]
    for text in [*rounds, answer]:
        shapes = parse_offsets(text, shapes, strict=True).geometries
    return [replace(i, geometry=g) for i, g in zip(proposal, shapes, strict=True)]


def is_in_words(record, prompt, answer):
    """Tell answers about a marked place, and those the data set brings."""
    return "<offset>" not in answer and "<grid_" not in answer and answer != "none"
