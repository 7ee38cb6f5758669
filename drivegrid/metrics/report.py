"""Results as plain text: every figure with the parameters it was computed under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Protocol

_HIDDEN = (
    "parameters",
    "per_frame",
    "per_label",
    "per_class",
    "bins",
    "confusion",
    "intervals",
    "splits",
)
_MAX_NAMES = 3
_WIDTH = 100


class Result(Protocol):
    """Anything that can name its figures and parameters."""

    def as_dict(self) -> dict[str, Any]:
        """Return figures by name, with ``parameters`` among them."""


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list_cell(value)
    return str(value)


def _list_cell(values: Sequence[Any]) -> str:
    """Return a size as 1280x720, names as their number and the first of them."""
    if not values:
        return "none"
    if not isinstance(values[0], str):
        return "x".join(map(str, values))
    first = ", ".join(values[:_MAX_NAMES])
    return f"{len(values)}: {first}{', ..' if len(values) > _MAX_NAMES else ''}"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested figures under dotted names; parameters, frames and labels stay out.

    A part that holds nothing (``n`` is 0) is one figure, "none".

    >>> flatten({"lanes": {"f1_50": 0.5, "parameters": {"width": 30}}})
    {'lanes.f1_50': 0.5}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name in _HIDDEN:
            continue
        if isinstance(value, Mapping):
            nothing = value.get("n") == 0 and not value.get("num_pred")
            flat |= {prefix + name: "none"} if nothing else flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def parameters_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a result and of its parts, under dotted names.

    >>> parameters_of({"lanes": {"f1_50": 0.5, "parameters": {"width": 30}}})
    {'lanes.width': 30}
    """
    found = flatten(values.get("parameters", {}))
    for name, value in values.items():
        if name not in _HIDDEN and isinstance(value, Mapping):
            found |= {f"{name}.{key}": entry for key, entry in parameters_of(value).items()}
    return found


def format_rows(
    title: str,
    result: Result | Mapping[str, Any],
    intervals: Mapping[str, Sequence[float | None]] | None = None,
) -> list[str]:
    r"""Return a result as lines of text: the title, one figure a line, then the parameters.

    Args:
        title: What was scored.
        result: A result of this package, or its ``as_dict()``.
        intervals: Low and high end by figure, shown behind it.

    >>> rows = format_rows("demo", {"f1_50": 0.5, "n": 3, "parameters": {"width": 30}})
    >>> print("\n".join(rows))
    demo
      f1_50  0.5000
      n      3
      (width=30)
    """
    values = result if isinstance(result, Mapping) else result.as_dict()
    figures = {name: _cell(value) for name, value in flatten(values).items()}
    width = max(map(len, figures), default=0)
    ends = {
        name: "  [" + " to ".join(map(_cell, pair)) + "]"
        for name, pair in (intervals or {}).items()
        if None not in pair
    }
    rows = [
        title,
        *(f"  {name:<{width}}  {cell}{ends.get(name, '')}" for name, cell in figures.items()),
    ]
    named = [f"{name}={_cell(value)}" for name, value in parameters_of(values).items()]
    if not named:
        return rows
    return [
        *rows,
        *wrap(f"({', '.join(named)})", _WIDTH, initial_indent="  ", subsequent_indent="   "),
    ]


def turned(rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Return a table with rows and columns changed over where that makes it narrower.

    >>> turned({"night": {"frames": 2, "n": 3, "f1": 0.5}})
    {'frames': {'night': 2}, 'n': {'night': 3}, 'f1': {'night': 0.5}}
    """
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    if len(columns) <= len(rows):
        return rows
    return {name: {row: values.get(name) for row, values in rows.items()} for name in columns}


def format_table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    r"""Return named rows of the same figures as an aligned table.

    >>> print("\n".join(format_table({"32": {"f1": 0.5, "n": 3}, "64": {"f1": None, "n": 3}})))
            f1  n
    32  0.5000  3
    64       -  3
    """
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = [["", *columns]]
    for name, row in rows.items():
        table.append([name, *(_cell(row.get(column)) for column in columns)])
    widths = [max(len(line[i]) for line in table) for i in range(len(columns) + 1)]
    return [
        "  ".join(
            [line[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        )
        for line in table
    ]
