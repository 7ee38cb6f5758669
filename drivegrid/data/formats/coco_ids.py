"""Ids of COCO's tables: those that were read stay, new ones are free numbers."""

from __future__ import annotations

from typing import Any, TypeAlias

from drivegrid.errors import FormatError

Id: TypeAlias = int | str


def is_id(value: object) -> bool:
    """Tell an id: a whole number or a text."""
    return type(value) in (int, str)


def check_id(value: object, item: str) -> Id:
    """Return an id.

    Raises:
        FormatError: If it is none.
    """
    if not is_id(value):
        raise FormatError(
            f"{item} must be a whole number or a text, got {value!r:.100}.", item=item
        )
    return value  # type: ignore[return-value]


class Ids:
    """Ids of one table.

    >>> ids = Ids()
    >>> ids.claim(1), ids.claim(1), ids.claim(None), ids.new()
    (1, None, None, 2)
    """

    def __init__(self) -> None:
        self._taken: set[Id] = set()
        self._next = 1

    def claim(self, wanted: Any) -> Id | None:
        """Take an id if it is one and free, else return None."""
        if not is_id(wanted) or wanted in self._taken:
            return None
        self._taken.add(wanted)
        found: Id = wanted
        return found

    def new(self) -> int:
        """Take the next free number; call it once all ids are claimed."""
        while self._next in self._taken:
            self._next += 1
        self._taken.add(self._next)
        return self._next


class NamedTable:
    """Records with an id and a name, of one data set or several that are written as one.

    >>> table = NamedTable()
    >>> table.add({"id": 3, "name": "car"})
    >>> table.add({"id": 3, "name": "bus"})
    >>> table.close()
    [{'id': 3, 'name': 'car'}, {'id': 1, 'name': 'bus'}]
    >>> table.id_of("bus", 3)
    1
    """

    def __init__(self) -> None:
        self._ids = Ids()
        self._records: dict[Id, dict[str, Any]] = {}
        self._waiting: dict[str, dict[str, Any]] = {}

    def add(self, record: dict[str, Any]) -> None:
        """Note a record; its id holds unless a record of another name has it.

        Args:
            record: ``name`` and, if known, ``id``; the fullest of several is kept.
        """
        wanted: Any = record.get("id")
        if (known := self._ids.claim(wanted)) is not None:
            self._records[known] = record
        elif is_id(wanted) and self._records[wanted]["name"] == record["name"]:
            if len(record) > len(self._records[wanted]):
                self._records[wanted] = record
        else:
            self._waiting.setdefault(record["name"], record)

    def close(self) -> list[dict[str, Any]]:
        """Give the records without an id one, and return all."""
        named = {record["name"] for record in self._records.values()}
        for name, record in self._waiting.items():
            if name not in named:
                number = self._ids.new()
                self._records[number] = {**record, "id": number}
        self._waiting.clear()
        self._of_name = {record["name"]: key for key, record in self._records.items()}
        return list(self._records.values())

    def id_of(self, name: str, wanted: Any) -> Id:
        """Return the id of a name once the table is closed; the one wanted if it has that name."""
        is_so = is_id(wanted) and self._records.get(wanted, {}).get("name") == name
        found: Id = wanted if is_so else self._of_name[name]
        return found
