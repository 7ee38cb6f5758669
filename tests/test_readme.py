"""What README shows is what happens."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="drivegrid[model] is not installed")

README = Path(__file__).parents[1] / "README.md"
PRINTED = re.compile(r"(.*), confidence (.*)")


def test_the_first_lines_of_python_print_what_is_shown(capsys) -> None:
    code, shown = re.search(
        r"```python\n(.*?)```\n\n```\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    ).groups()
    exec(compile(code, str(README), "exec"), {})
    printed = PRINTED.findall(capsys.readouterr().out)
    expected = PRINTED.findall(shown)
    assert [what for what, _ in printed] == [what for what, _ in expected]
    for (_, chance), (_, known) in zip(printed, expected, strict=True):
        assert float(chance) == pytest.approx(float(known), abs=0.05)  # of either renderer
