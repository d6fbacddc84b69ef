import pytest

from edge_agent.clock import VirtualClock
from edge_agent.collector.tokens import LIFE_S, Tokens
from edge_agent.sync.token import Token, TokenError


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def tokens(tmp_path, clock):
    return Tokens(tmp_path / "tokens", clock)


def test_a_token_lets_one_hub_in_and_lets_it_ask_again_when_the_answer_was_lost(tokens):
    token = tokens.draw(b"authority")
    tokens.claim(token.secret, b"hub-1")
    tokens.claim(token.secret, b"hub-1")
    with pytest.raises(TokenError, match="used by another hub"):
        tokens.claim(token.secret, b"hub-2")


def test_of_two_processes_that_share_the_folder_one_gives_the_token_away(tmp_path, tokens, clock):
    token = tokens.draw(b"authority")
    Tokens(tmp_path / "tokens", clock).claim(token.secret, b"hub-1")
    with pytest.raises(TokenError, match="used by another hub"):
        tokens.claim(token.secret, b"hub-2")


async def test_a_token_is_good_for_fifteen_minutes(tokens, clock):
    token = tokens.draw(b"authority")
    await clock.advance(LIFE_S - 1)
    tokens.claim(token.secret, b"hub")
    await clock.advance(1)
    with pytest.raises(TokenError, match="expired"):
        tokens.claim(token.secret, b"hub")


async def test_old_tokens_are_cleared_away_and_no_secret_is_ever_in_the_folder(
    tokens, clock, tmp_path
):
    token = tokens.draw(b"authority")
    tokens.claim(token.secret, b"hub")
    for file in (tmp_path / "tokens").iterdir():
        assert token.secret not in file.read_bytes()
        assert token.secret.hex() not in file.name
        assert file.stat().st_mode & 0o077 == 0 or file.suffix == ".hub"
    await clock.advance(2 * 24 * 3600)
    tokens.draw(b"authority")
    assert len(list((tmp_path / "tokens").iterdir())) == 1


def test_a_token_that_was_never_made_is_not_known(tokens):
    with pytest.raises(TokenError, match="not known"):
        tokens.claim(Token.draw(b"authority").secret, b"hub")
