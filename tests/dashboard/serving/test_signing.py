"""Addresses: what was signed comes back, and nothing else is believed."""

import pytest
from drivegrid.dashboard.serving import signing
from drivegrid.dashboard.serving.signing import (
    PERIOD_S,
    SIZES,
    Address,
    AddressError,
    ExpiredError,
    ForgedError,
    Signer,
    load_secret,
)
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import ConfigError

SIGNER = Signer(b"s" * 32)


def token_of(signer, *frame_and_size):
    return signer.address(*frame_and_size).removeprefix("/frames/")


@given(st.integers(0, 2**63 - 1), st.sampled_from(SIZES))
def test_what_was_signed_comes_back(frame_id, size):
    address = SIGNER.address(frame_id, size)
    assert len(address) == len("/frames/") + 40
    assert SIGNER.open(address.removeprefix("/frames/")) == Address(frame_id, size)


@pytest.mark.parametrize(
    "token", ["", "a", "A" * 40, "A" * 39 + "=", "A" * 39 + "é", "../" * 13 + "a", "A" * 41]
)
def test_what_was_not_made_here_is_refused(token):
    with pytest.raises(ForgedError):
        SIGNER.open(token)


@given(st.text(max_size=60))
def test_no_text_is_believed(token):
    with pytest.raises(AddressError):
        SIGNER.open(token)


@given(st.integers(0, 39), st.sampled_from("abcxyzABCXYZ0189-_"))
def test_every_letter_counts(place, letter):
    token = token_of(SIGNER, 7, 320)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(ForgedError):
            SIGNER.open(changed)


def test_another_secret_signs_otherwise():
    with pytest.raises(ForgedError):
        Signer(b"t" * 32).open(token_of(SIGNER, 7))


def test_size_must_be_one_that_is_made():
    with pytest.raises(ConfigError, match="size must be one of"):
        SIGNER.address(7, 321)


def test_addresses_stay_the_same_within_a_period_and_expire(monkeypatch):
    start = 1000 * PERIOD_S
    clock = [float(start)]
    monkeypatch.setattr(signing.time, "time", lambda: clock[0])
    first = token_of(SIGNER, 7)
    clock[0] = start + PERIOD_S - 1
    assert token_of(SIGNER, 7) == first
    clock[0] = start + PERIOD_S
    assert token_of(SIGNER, 7) != first
    clock[0] = start + 2 * PERIOD_S - 1
    assert SIGNER.open(first) == Address(7, 0)
    clock[0] = start + 2 * PERIOD_S
    with pytest.raises(ExpiredError, match="Load the page again"):
        SIGNER.open(first)


def test_secret_is_drawn_once_and_is_its_owners(tmp_path):
    path = tmp_path / "new" / "secret"
    secret = load_secret(path)
    assert len(secret) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_secret(path) == secret
    assert [file.name for file in path.parent.iterdir()] == ["secret"]
    assert load_secret(tmp_path / "other") != secret


def test_a_secret_of_another_process_is_kept(tmp_path):
    path = tmp_path / "secret"
    first = load_secret(path)
    signing._write_secret(path)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"short", 0o600), (b"s" * 32, 0o644)])
def test_a_bad_secret_is_refused(tmp_path, content, mode):
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="secret must"):
        load_secret(path)


def test_a_secret_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="secret must be readable"):
        load_secret(tmp_path / "file" / "secret")
