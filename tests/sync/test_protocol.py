import pytest

from edge_agent.errors import SyncError
from edge_agent.sync.protocol import Receipt, Refusal, parse_receipt, refusal_words

RECEIPT = Receipt(hub="0a" * 16, seq=7, id="0b" * 32, status="duplicate")


def test_a_receipt_survives_its_text():
    assert parse_receipt(RECEIPT.to_json(), "url") == RECEIPT


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"0a0a", b"0A0a"), (b"0b0b", b"0b"), (b":7", b":-7"), (b"duplicate", b"maybe"),
     (b'"seq":7,', b""), (b"}", b',"more":1}'), (b"}", b"")],
)  # fmt: skip
def test_whatever_is_no_receipt_is_a_sync_error_that_names_the_collector(old, new):
    with pytest.raises(SyncError, match="collector url") as caught:
        parse_receipt(RECEIPT.to_json().replace(old, new, 1), "url")
    assert (caught.value.status, caught.value.refused) == (200, False)


def test_the_words_of_a_refusal_are_short_and_printable():
    assert refusal_words(Refusal("no\x1b[31m\nway" + "x" * 999).to_json()).startswith("no[31mway")
    assert len(refusal_words(Refusal("x" * 999).to_json())) == 200
    assert refusal_words(b"<html>") == ""
