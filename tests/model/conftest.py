from functools import lru_cache

import pytest

from tests.toy import toy

__all__ = ["toy"]


@pytest.fixture(scope="session")
def trained_ones(tmp_path_factory):
    """A function from tied and dtype's name to what `make_trained` gives, made once; read only."""
    torch = pytest.importorskip("torch")
    from tests.model.tiny_adapter import make_trained

    @lru_cache
    def made(tied, dtype="float32"):
        return make_trained(tmp_path_factory.mktemp("trained"), tied, getattr(torch, dtype))

    return made


@pytest.fixture
def trained(trained_ones):
    """A tied base, its adapter, the model with both and a batch."""
    return trained_ones(True)


@pytest.fixture
def untied(trained_ones):
    """The same with an untied head."""
    return trained_ones(False)
