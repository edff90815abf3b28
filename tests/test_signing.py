"""Links that only this installation can make."""

from dataclasses import replace
from pathlib import Path

import pytest
import time_machine

from survey.models import random_id
from survey.settings import Settings
from survey.signing import (
    SIGN_IN_MINUTES,
    invitation_id,
    invitation_token,
    read_sign_in,
    reader,
    reader_token,
    sign_in_token,
    subscriber,
    subscriber_token,
)

NOW = 1_772_438_400
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def keyed() -> Settings:
    return Settings(secret_key="a key for tests")


@pytest.fixture
def otherwise_keyed() -> Settings:
    return Settings(secret_key="another key")


# Invitations


def test_a_token_names_the_invitation_it_was_made_for(keyed: Settings) -> None:
    made = random_id()
    assert invitation_id(invitation_token(made, keyed), keyed) == made


def test_a_token_is_the_id_and_128_bits(keyed: Settings) -> None:
    found, mac = invitation_token(ID, keyed).split(".")
    assert (found, len(bytes.fromhex(mac))) == (ID, 16)


def test_a_reminder_writes_the_same_link_again(keyed: Settings) -> None:
    assert invitation_token(ID, keyed) == invitation_token(ID, keyed)


def test_a_link_outlives_a_restart_with_the_key_in_its_file(tmp_path: Path) -> None:
    token = invitation_token(ID, Settings(home=str(tmp_path)))
    assert invitation_id(token, Settings(home=str(tmp_path))) == ID


@pytest.mark.parametrize("place", range(0, 65, 4))
def test_a_token_with_one_sign_changed_names_nothing(keyed: Settings, place: int) -> None:
    token = invitation_token(ID, keyed)
    changed = token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]
    assert invitation_id(changed, keyed) is None


def test_the_mac_of_one_invitation_does_not_fit_another(keyed: Settings) -> None:
    _, mac = invitation_token(ID, keyed).split(".")
    assert invitation_id(f"{ID[::-1]}.{mac}", keyed) is None


def test_a_token_of_another_key_names_nothing(keyed: Settings, otherwise_keyed: Settings) -> None:
    assert invitation_id(invitation_token(ID, otherwise_keyed), keyed) is None


@pytest.mark.parametrize("token", ["", ".", ID, f"{ID}.", "..", "ñ.ñ", "a" * 10_000, f"{ID}.{'0' * 31}"])
def test_what_is_no_token_names_nothing(keyed: Settings, token: str) -> None:
    assert invitation_id(token, keyed) is None


def test_a_longer_mac_names_nothing(keyed: Settings) -> None:
    assert invitation_id(invitation_token(ID, keyed) + "0", keyed) is None


def test_a_sign_in_token_is_no_invitation(keyed: Settings) -> None:
    assert invitation_id(sign_in_token(1, 0, keyed), keyed) is None


# Signing in


def test_a_sign_in_token_names_person_and_count(keyed: Settings) -> None:
    assert read_sign_in(sign_in_token(7, 3, keyed), keyed) == (7, 3)


@pytest.mark.parametrize(("seconds", "is_read"), [(0, True), (60 * SIGN_IN_MINUTES, True), (60 * 15 + 1, False)])
def test_a_sign_in_token_lasts_fifteen_minutes(keyed: Settings, seconds: int, is_read: bool) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = sign_in_token(7, 3, keyed)
        clock.shift(seconds)
        assert (read_sign_in(token, keyed) is not None) is is_read


def test_a_sign_in_token_from_the_future_is_refused(keyed: Settings) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = sign_in_token(7, 3, keyed)
        clock.shift(-60)
        assert read_sign_in(token, keyed) is None


def test_a_sign_in_token_of_another_key_is_refused(keyed: Settings, otherwise_keyed: Settings) -> None:
    assert read_sign_in(sign_in_token(7, 3, otherwise_keyed), keyed) is None


@pytest.mark.parametrize("place", [0, 3, -1, -10, -30])
def test_a_sign_in_token_with_one_sign_changed_is_refused(keyed: Settings, place: int) -> None:
    signs = list(sign_in_token(7, 3, keyed))
    signs[place] = "A" if signs[place] != "A" else "Q"
    assert read_sign_in("".join(signs), keyed) is None


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "ñ", invitation_token(ID, Settings(secret_key="a key for tests"))])
def test_what_is_no_sign_in_token_is_refused(keyed: Settings, token: str) -> None:
    assert read_sign_in(token, keyed) is None


def test_only_the_key_counts(keyed: Settings) -> None:
    elsewhere = replace(keyed, base_url="https://other.example")
    assert read_sign_in(sign_in_token(7, 3, keyed), elsewhere) == (7, 3)


# Readers


def test_a_readers_token_opens_nothing_but_what_it_was_made_for(keyed: Settings, otherwise_keyed: Settings) -> None:
    token = reader_token(7, keyed)
    assert reader(token, keyed) == 7
    assert reader(token, otherwise_keyed) is subscriber(token, keyed) is invitation_id(token, keyed) is None
    assert reader(subscriber_token(7, keyed), keyed) is reader(f"8{token[1:]}", keyed) is None
