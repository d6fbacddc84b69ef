import pytest

from edge_agent.sync.token import Token, TokenError

TOKEN = Token(bytes(range(16)), bytes(range(16, 32)))


def test_a_token_survives_being_typed_in_any_case_with_and_without_dashes():
    text = TOKEN.text()
    assert Token.parse(text) == TOKEN
    assert Token.parse("  " + text.lower().replace("-", " ")) == TOKEN
    assert Token.parse(text.replace("-", "")) == TOKEN


def test_every_wrong_letter_is_noticed_before_anything_is_sent():
    text = TOKEN.text()
    for place, letter in enumerate(text):
        wrong = "B" if letter != "B" else "C"
        with pytest.raises(TokenError, match="token"):
            Token.parse(text[:place] + wrong + text[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "-", "AAAAA", "0189", "Ä" * 55, TOKEN.text()[:-1], "A" * 999], ids=len
)
def test_what_is_no_token_is_told_so(text):
    with pytest.raises(TokenError, match="Copy it again"):
        Token.parse(text)


def test_a_token_does_not_show_its_secret_in_a_traceback():
    assert TOKEN.secret.hex() not in repr(TOKEN)
    assert repr(TOKEN.secret) not in repr(TOKEN)
