"""Secrets are taken out of text, however trivially they are written, in pieces too, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.runtime.output import OutputFile
from brickyard.runtime.redaction import REDACTED, Redactor, passwords_in, texts_of, without_passwords

SECRET = "s3cr3t-Value/9+x"


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        SECRET[::-1],
        SECRET.upper(),
        SECRET.lower(),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        " ".join(SECRET),
        "\n".join(SECRET),
        str(list(SECRET)),
        "s3cr3t-Value%2F9%2Bx",
    ],
)
def test_forms_of_a_secret_are_hidden(shown: str) -> None:
    text = Redactor([SECRET]).redact(f"before {shown} after")
    assert text.startswith("before ") and text.endswith(" after") and REDACTED in text
    assert SECRET not in "".join(text.split())


@pytest.mark.parametrize("write", [str, repr, json.dumps, html.escape, urllib.parse.quote, lambda one: repr([one])])
def test_a_secret_of_unusual_characters_is_hidden_however_it_is_written(write: Callable[[str], str]) -> None:
    secret = 'it\'s <\x1b> "g&heim"€'
    shown = Redactor([secret]).redact(f"before {write(secret)} after")
    assert shown.startswith("before ") and shown.endswith(" after") and len(shown) <= len("before ['[REDACTED]'] after")


@pytest.mark.parametrize("value", [SECRET.encode(), "geh€im".encode(), b"\xffs3cr3t\x00bytes"])
def test_bytes_of_a_secret_are_hidden(value: bytes) -> None:
    shown = [
        repr(value)[2:-1],
        value.hex(),
        base64.b64encode(value).decode().rstrip("="),
        value.decode("utf-8", "replace"),
    ]
    redactor = Redactor(texts_of(value))
    assert [redactor.redact(text) for text in shown] == [REDACTED] * 4


def test_passwords_in_addresses_are_found() -> None:
    token = "dapi" + "0" * 20
    text = f'pip -i https://me:p%40ss@h/simple git+https://{token}@h/r.git "http://short@h" http://h/a@b http://u:@h'
    assert passwords_in(text) == {"p%40ss", "p@ss", token}


def test_addresses_are_shown_without_their_passwords() -> None:
    token = "dapi" + "0" * 20
    given = {"repo": "https://me:p%40ss@h/simple", "messages": [f"git+https://{token}@h/r.git", "http://short@h", 1]}
    shown = {"repo": "https://me:****@h/simple", "messages": ["git+https://****@h/r.git", "http://short@h", 1]}
    assert without_passwords(given) == shown


def test_secret_inside_a_longer_base64_text_is_hidden() -> None:
    for prefix in ("", "a", "ab", "user:"):
        encoded = base64.b64encode(f"{prefix}{SECRET}:more".encode()).decode()
        assert REDACTED in Redactor([SECRET]).redact(encoded)


def test_other_text_stays_as_it_is() -> None:
    text = "nothing to hide: s3cr3t Value, 1 of 10 rows - done\n"
    assert Redactor([SECRET]).redact(text) == text


@pytest.mark.parametrize("secret", ["a-long_secret", "with blanks in it", 'it\'s, a "quote"'])
@pytest.mark.parametrize("blank", ["-", "_", " ", "', '", ", "])
def test_a_secret_with_its_own_characters_between_is_hidden(secret: str, blank: str) -> None:
    for shown in (blank.join(secret), blank.join(reversed(secret)), str(list(secret)), json.dumps(list(secret))):
        if len(blank) == 1 or not set(blank) & set(secret) or shown[0] == "[":
            assert Redactor([secret]).redact(f"<{shown}>").count(REDACTED) == 1


def test_short_values_are_hidden_where_they_stand_alone() -> None:
    assert Redactor(["12"]).redact("12 of 1200, a12, 12!") == f"{REDACTED} of 1200, a12, {REDACTED}!"


def test_json_is_hidden_throughout() -> None:
    value = {"a": [SECRET, 1, None], SECRET: {"b": f"x{SECRET}"}}
    assert SECRET not in json.dumps(Redactor([SECRET]).redact_all(value))


KEY = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----"


@given(
    st.sampled_from([SECRET, "--an-api.key", "[in brackets]", KEY, "x" * 9, "12"]),
    st.lists(st.integers(1, 8), max_size=60),
    st.text("s3cr-\n x[a", max_size=30),
)
@settings(deadline=None, max_examples=200)
def test_secret_in_pieces_is_hidden(secret: str, sizes: list[int], around: str) -> None:
    text = f"{around} {secret} {around} and {secret}\n{around}"
    written = _write(secret, text, sizes)
    assert secret not in written and written.count(REDACTED) >= 2
    assert Redactor([secret]).redact(text).count(REDACTED) >= 2


@given(st.text("ab-_ .", min_size=4, max_size=12), st.text("ab-_ .\n", max_size=60))
@settings(deadline=None, max_examples=300)
def test_only_what_is_a_form_of_a_secret_is_hidden(secret: str, text: str) -> None:
    """Compared with the plainest way to say what is hidden."""
    redactor = Redactor([secret])
    if not redactor.secrets:
        return
    between = "".join(one for one in " \t\r\n,;'\"|_.-[]" if one not in secret)
    plain = text.translate(dict.fromkeys(map(ord, between)))
    hidden = redactor.redact(text)
    joined = [blank.join(one) for blank in "-_. " for one in (secret, secret[::-1]) if blank in secret]
    assert any(one in plain for one in (secret, *joined)) <= (REDACTED in hidden)
    if not any(one in plain for one in (secret, secret[::-1], secret.upper(), secret.lower(), *joined)):
        assert hidden == text
    else:
        assert secret not in hidden.translate(dict.fromkeys(map(ord, between)))


def test_secrets_beside_each_other_and_inside_each_other_are_hidden() -> None:
    redactor = Redactor(["abcdef", "cdefgh", "inner-secret", "an-inner-secret-in-it"])
    assert redactor.redact("<abcdefgh> abcdefabcdef") == f"<{REDACTED}> {REDACTED}{REDACTED}"
    assert redactor.redact("(an-inner-secret-in-it)") == f"({REDACTED})"


def _write(secret: str, text: str, sizes: list[int]) -> str:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "output.log"
        file = OutputFile(path, Redactor([secret]))
        data = text.encode()
        for size in sizes:
            file.write(data[:size])
            data = data[size:]
        file.write(data)
        file.finish()
        file.close()
        return path.read_text()


def test_long_output_is_searched_in_little_time() -> None:
    certificate = "-----BEGIN KEY-----\n" + "\n".join(f"{one * 7919:064x}" for one in range(250))
    redactor = Redactor(["-----BEGIN KEY-----abc", "a" * 40, SECRET, certificate])
    start = time.process_time()
    redactor.redact("-" * 20_000 + "a" * 20_000 + " " * 20_000)
    redactor.unfinished("-" * 60_000)
    assert time.process_time() - start < 5
