"""Read the YAML files of the taxonomy into a LabelSpace, reporting all problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from drivegrid.errors import ConfigError
from drivegrid.labels.mapping import DroppedLabel, MappedLabel, Rule, SourceMap
from drivegrid.labels.space import AttributeTask, Label, LabelSpace, spelling

GEOMETRIES = ("point", "box", "line", "poly", "seg")

# libyaml's parser is the same safe subset, about ten times faster; not every build has it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_Values = Mapping[str, tuple[str, ...]]


@cache
def default_label_space() -> LabelSpace:
    """Return the taxonomy shipped with drivegrid; read once."""
    return load_label_space(files("drivegrid.taxonomy"))


def load_label_space(folder: Traversable) -> LabelSpace:
    """Read a folder with labels.yaml, tasks.yaml and any number of map_<source>.yaml.

    Args:
        folder: A ``pathlib.Path`` or package folder. The form of the files is in taxonomy/README.

    Raises:
        ConfigError: If anything is wrong; the message lists every problem found.
    """
    problems: list[str] = []
    tree = _read(folder / "labels.yaml", ("labels", "frame"), problems)
    frame = _values(tree.get("frame"), "labels.yaml, frame", problems)
    labels = {label.path: label for label in _walk(tree.get("labels"), "", _ROOT, problems)}
    _check_unique(labels, problems)
    tasks = _read(folder / "tasks.yaml", None, problems)
    known = {name: _task(name, entry, labels, problems) for name, entry in tasks.items()}
    values = _all_values(labels, frame)
    maps = {}
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.startswith("map_") and file.name.endswith(".yaml"):
            source = file.name[len("map_") : -len(".yaml")]
            maps[source] = _MapReader(file, source, labels, values, problems).read()
    _refuse(problems, "taxonomy")
    return LabelSpace(labels, frame, known, maps)


def load_source_map(file: Traversable) -> SourceMap:
    """Read the map of a user's class names to the shipped taxonomy.

    Args:
        file: YAML in the form of the taxonomy's ``map_<source>.yaml`` (see taxonomy/README).

    Raises:
        ConfigError: If anything is wrong; the message lists every problem found.
    """
    space, problems = default_label_space(), list[str]()
    values = _all_values(space.labels, space.frame_attributes)
    found = _MapReader(file, file.name, space.labels, values, problems).read()
    _refuse(problems, "classes")
    return found


def _refuse(problems: Sequence[str], what: str) -> None:
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise ConfigError(f"{what} must be consistent, got {len(problems)} problems:\n{listed}")


_ROOT = Label("", "", (), "box", {})


def _read(file: Traversable, keys: tuple[str, ...] | None, problems: list[str]) -> dict[str, Any]:
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, yaml.YAMLError) as error:
        problems.append(f"{file.name}: must be readable YAML, got {error}")
        return {}
    return _fields(data, keys, file.name, problems)


def _fields(
    data: object, keys: tuple[str, ...] | None, where: str, problems: list[str]
) -> dict[str, Any]:
    """Return data as a dict with text keys out of ``keys``; None allows any."""
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        problems.append(f"{where}: must be a mapping with text keys, got {data!r:.60}")
        return {}
    for key in data:
        if keys is not None and key not in keys:
            problems.append(f"{where}: key must be one of {', '.join(keys)}, got {key!r}")
    return data


def _text(data: object, where: str, problems: list[str]) -> str:
    if not isinstance(data, str) or not data.strip():
        problems.append(f"{where}: must be text, got {data!r}")
        return ""
    return data


def _flag(data: object, where: str, problems: list[str]) -> bool:
    if not isinstance(data, bool):
        problems.append(f"{where}, basic: must be true or false, got {data!r}")
    return data is True


def _texts(data: object, where: str, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        problems.append(
            f"{where}: must be a list of texts (quote numbers and yes/no), got {data!r:.60}"
        )
        return ()
    if len(set(data)) < len(data):
        problems.append(f"{where}: must not repeat an entry, got {data}")
    return tuple(data)


def _values(data: object, where: str, problems: list[str]) -> _Values:
    if data is None:
        return {}
    found = _fields(data, None, where, problems)
    return {name: _texts(values, f"{where}, {name}", problems) for name, values in found.items()}


def _walk(data: object, prefix: str, above: Label, problems: list[str]) -> Iterator[Label]:
    """Yield the labels below ``above``, parents first."""
    keys = ("words", "plural", "also", "geometry", "basic", "attributes", "children")
    for name, entry in _fields(data, None, f"labels.yaml, {prefix or 'labels'}", problems).items():
        path = f"{prefix}/{name}" if prefix else name
        where = f"labels.yaml, {path}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            problems.append(f"{where}: name must be lower case letters, digits and _, got {name!r}")
        entry = {"words": entry} if isinstance(entry, str) else entry
        entry = _fields({} if entry is None else entry, keys, where, problems)
        words = _text(entry.get("words", name.replace("_", " ")), f"{where}, words", problems)
        also = _texts(entry.get("also", []), f"{where}, also", problems)
        geometry = entry.get("geometry", above.geometry)
        if geometry not in GEOMETRIES:
            problems.append(f"{where}: geometry must be one of {GEOMETRIES}, got {geometry!r}")
        own = _values(entry.get("attributes"), f"{where}, attributes", problems)
        many = _text(entry.get("plural", plural(words)), f"{where}, plural", problems)
        plurals = (many, *map(plural, also))
        terms = tuple(dict.fromkeys((words, *also, *plurals)))
        basic = above.basic or (path if _flag(entry.get("basic", False), where, problems) else "")
        label = Label(path, words, terms, geometry, {**above.attributes, **own}, many, basic)
        yield label
        if "children" in entry:
            yield from _walk(entry["children"], path, label, problems)


def plural(words: str) -> str:
    """Return the regular English plural of a noun phrase: that of its last word.

    >>> [plural(words) for words in ("stop sign", "bus", "body", "highway")]
    ['stop signs', 'buses', 'bodies', 'highways']
    """
    if words.endswith(("s", "x", "ch", "sh")):
        return f"{words}es"
    if re.search(r"[^aeiou]y$", words):
        return f"{words[:-1]}ies"
    return f"{words}s"


def _check_unique(labels: Mapping[str, Label], problems: list[str]) -> None:
    owner: dict[str, str] = {}
    for label in labels.values():
        for term in dict.fromkeys(map(spelling, label.terms)):
            if term in owner:
                problems.append(
                    f"labels.yaml, {label.path}: terms must be unique, got {term!r} "
                    f"(also {owner[term]})"
                )
            owner.setdefault(term, label.path)


def _all_values(labels: Mapping[str, Label], frame: _Values) -> dict[str, set[str]]:
    """Return the attribute values that at least one label, or the frame, can hold."""
    found = {name: set(values) for name, values in frame.items()}
    for label in labels.values():
        for name, values in label.attributes.items():
            found.setdefault(name, set()).update(values)
    return found


def _task(
    name: str, data: object, labels: Mapping[str, Label], problems: list[str]
) -> AttributeTask:
    where = f"tasks.yaml, {name}"
    keys = ("question", "attribute", "applies_to", "region", "options")
    entry = _fields(data, keys, where, problems)
    for key in keys:
        if key not in entry:
            problems.append(f"{where}: must have {key}, got {', '.join(entry)}")
    applies_to = _texts(entry.get("applies_to", []), f"{where}, applies_to", problems)
    rules = _fields(entry.get("options", {}), None, f"{where}, options", problems)
    for option, rule in rules.items():
        _text(rule, f"{where}, {option}", problems)
    attribute, region = entry.get("attribute", ""), entry.get("region", "frame")
    if region not in (*GEOMETRIES, "frame"):
        problems.append(f"{where}: region must be a geometry or frame, got {region!r}")
    for path in applies_to:
        if path not in labels:
            problems.append(f"{where}: applies_to must hold taxonomy paths, got {path!r}")
            continue
        below = {item.words for item in labels.values() if item.path.startswith(f"{path}/")}
        allowed = below if attribute == "label" else labels[path].attributes.get(attribute, ())
        if extra := [option for option in rules if option not in allowed]:
            problems.append(
                f"{where}: options must be values of {attribute} of {path}, got {extra}"
            )
    question = _text(entry.get("question"), f"{where}, question", problems)
    return AttributeTask(name, question, attribute, applies_to, region, rules)


class _MapReader:
    """Reads one map file; problems are appended, so that all are reported together."""

    def __init__(
        self,
        file: Traversable,
        source: str,
        labels: Mapping[str, Label],
        values: Mapping[str, set[str]],
        problems: list[str],
    ) -> None:
        self.file, self.source, self.labels, self.problems = file, source, labels, problems
        self.values = values

    def read(self) -> SourceMap:
        keys = ("about", "labels", "rules", "attributes", "strip")
        data = _read(self.file, keys, self.problems)
        where = self.file.name
        labels: dict[str, MappedLabel | DroppedLabel] = {}
        for name, entry in _fields(data.get("labels", {}), None, where, self.problems).items():
            entry = {"to": entry} if isinstance(entry, str) else entry
            entry = _fields(entry, ("to", "with", "aka", "drop"), f"{where}, {name}", self.problems)
            target = self._target(entry, f"{where}, {name}")
            aka = _texts(entry.get("aka", []), f"{where}, {name}, aka", self.problems)
            for known in (name, *aka):
                if known in labels:
                    self.problems.append(f"{where}: names must be unique, got {known!r} twice")
                labels[known] = target
        listed = data.get("rules", [])
        if not isinstance(listed, list):
            self.problems.append(f"{where}, rules: must be a list, got {listed!r:.60}")
            listed = []
        rules = tuple(self._rule(rule, index) for index, rule in enumerate(listed))
        strip = self._pattern(data["strip"], f"{where}, strip") if "strip" in data else None
        return SourceMap(self.source, labels, self._attributes(data), rules, strip)

    def _target(
        self, entry: Mapping[str, Any], where: str, *, groups: int = 0
    ) -> MappedLabel | DroppedLabel:
        """Read where an entry goes; ``groups`` is how many "{1}", "{2}" ... a rule may write."""
        holes = [f"{{{group}}}" for group in range(1, groups + 1)]
        if ("to" in entry) == ("drop" in entry):
            self.problems.append(f"{where}: must have either to or drop, got {dict(entry)}")
        if "drop" in entry:
            return DroppedLabel(_text(entry["drop"], f"{where}, drop", self.problems))
        path = str(entry.get("to"))
        if path not in self.labels:
            self.problems.append(f"{where}: target must be a taxonomy path, got {path!r}")
        attributes = _fields(entry.get("with", {}), None, f"{where}, with", self.problems)
        allowed = self._allowed(path)
        for name, value in attributes.items():
            if value not in (*allowed.get(name, ()), *(holes if name in allowed else ())):
                self.problems.append(
                    f"{where}: attributes must be values of {path}, got {name}: {value!r}"
                )
        return MappedLabel(path, attributes)

    def _allowed(self, path: str) -> _Values:
        return self.labels[path].attributes if path in self.labels else {}

    def _rule(self, data: object, index: int) -> Rule:
        where = f"{self.file.name}, rule {index}"
        entry = _fields(data, ("match", "to", "with"), where, self.problems)
        pattern = self._pattern(entry.get("match"), where)
        target = self._target(entry, where, groups=pattern.groups)
        if isinstance(target, DroppedLabel):
            self.problems.append(f"{where}: must have to, got drop")
            return Rule(pattern, "", {}, {})
        return Rule(pattern, target.path, target.attributes, self._allowed(target.path))

    def _pattern(self, text: object, where: str) -> re.Pattern[str]:
        try:
            return re.compile(str(text))
        except re.error as error:
            self.problems.append(f"{where}: must be a regular expression, got {text!r} ({error})")
            return re.compile("")

    def _attributes(
        self, data: Mapping[str, Any]
    ) -> dict[str, dict[str, Mapping[str, str] | DroppedLabel]]:
        where = f"{self.file.name}, attributes"
        found: dict[str, dict[str, Mapping[str, str] | DroppedLabel]] = {}
        for name, values in _fields(data.get("attributes", {}), None, where, self.problems).items():
            found[name] = {}
            for value, entry in _fields(values, None, f"{where}, {name}", self.problems).items():
                place = f"{where}, {name}, {value}"
                ours = _fields(entry, None, place, self.problems)
                if "drop" in ours:
                    reason = _text(ours["drop"], f"{place}, drop", self.problems)
                    found[name][value] = DroppedLabel(reason)
                    continue
                for key, our in ours.items():
                    if our not in self.values.get(key, ()):
                        self.problems.append(f"{place}: must be a known value, got {key}: {our!r}")
                found[name][value] = ours
        return found
