import pytest

from tests.toy import toy

__all__ = ["toy"]


@pytest.fixture(autouse=True)
def _no_precision_of_another_run(monkeypatch) -> None:
    """Forget what a trainer in this process has set for all that come after it."""
    state = pytest.importorskip("accelerate.state")
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    state.AcceleratorState._reset_state()
