"""Secrets at rest are read with the site's own keys, old and new, and with no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.encryption import CannotDecrypt, decrypt, encrypt

SECRET = "sk-a-very-secret-key"


@given(st.text())
def test_when_a_secret_is_encrypted_then_it_comes_back_whole(secret):
    if not any("\ud800" <= char <= "\udfff" for char in secret):
        assert decrypt(encrypt(secret)) == secret


def test_when_a_secret_is_encrypted_then_nothing_of_it_shows(settings):
    settings.ENCRYPTION_KEYS = ["one"]
    tokens = {encrypt(SECRET) for _ in range(3)}
    assert len(tokens) == 3
    assert all("secret" not in token and "one" not in token for token in tokens)


def test_when_there_is_no_secret_then_nothing_is_kept():
    assert encrypt("") == ""
    assert decrypt("") == ""


def test_when_a_new_key_comes_before_then_old_secrets_are_still_read(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    old = encrypt(SECRET)
    settings.ENCRYPTION_KEYS = ["new", "old"]
    assert decrypt(old) == SECRET
    new = encrypt(SECRET)
    settings.ENCRYPTION_KEYS = ["new"]
    assert decrypt(new) == SECRET
    with pytest.raises(CannotDecrypt):
        decrypt(old)


@pytest.mark.parametrize("keys", [["another"], ["another", "ones"]])
def test_when_the_key_is_another_then_it_says_so_and_holds_no_secret(settings, keys):
    settings.ENCRYPTION_KEYS = ["old"]
    token = encrypt(SECRET)
    settings.ENCRYPTION_KEYS = keys
    with pytest.raises(CannotDecrypt) as caught:
        decrypt(token)
    assert token not in str(caught.value)


@pytest.mark.parametrize("token", ["nonsense", "gAAAAA", "é", "a b", "="])
def test_when_a_token_is_damaged_then_it_cannot_be_read(token):
    with pytest.raises(CannotDecrypt):
        decrypt(token)
    damaged = encrypt(SECRET)
    with pytest.raises(CannotDecrypt):
        decrypt(damaged[:-4] + "AAA=")
