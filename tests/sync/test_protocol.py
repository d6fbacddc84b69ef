import pytest

from edge_agent.errors import SyncError
from edge_agent.sync.protocol import (
    BATCH_RECORDS,
    Receipt,
    Receipts,
    Refusal,
    check,
    frame,
    framed_octets,
    parse_receipts,
    printable,
    refusal_words,
    split,
)

RECEIPT = Receipt(epoch=2, seq=7, hash="0b" * 32, status="known")
BODY = Receipts((RECEIPT,)).to_json()


def test_receipts_survive_their_text():
    assert parse_receipts(BODY, "url") == (RECEIPT,)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"0b0b", b"0B0b"), (b"0b0b", b"0b"), (b":7", b":-7"), (b":7", b":9223372036854775808"),
     (b"known", b"maybe"), (b'"seq":7,', b""), (b"}]", b',"more":1}]'), (b"}", b""),
     (b"receipts", b"receipt"), (b"known", b"\xff")],
)  # fmt: skip
def test_whatever_holds_no_receipts_is_a_sync_error_that_names_the_collector(old, new):
    with pytest.raises(SyncError, match="collector url") as caught:
        parse_receipts(BODY.replace(old, new, 1), "url")
    assert (caught.value.status, caught.value.refused) == (200, False)


@pytest.mark.parametrize("count", [0, BATCH_RECORDS + 1])
def test_no_batch_has_so_many_receipts(count):
    with pytest.raises(SyncError):
        parse_receipts(Receipts((RECEIPT,) * count).to_json(), "url")


def test_a_batch_survives_its_framing():
    records = [b"a", b"bc" * 300, b"\0"]
    body = frame(records)
    assert split(body) == records
    assert len(body) == sum(map(framed_octets, records))


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0\0", b"\0\0\0\0", b"\0\0\0\2x", frame([b"x"]) + b"\0", frame([b"x"] * 65)],
    ids=["nothing", "no-length", "empty-record", "cut", "cut-length", "too-many"],
)
def test_a_body_whose_lengths_do_not_add_up_is_refused_whole(body):
    with pytest.raises(SyncError, match="batch") as caught:
        split(body)
    assert caught.value.status == 400


SENT = [(2, 7, b"\x0b" * 32)]


def test_receipts_for_what_was_sent_pass():
    check([RECEIPT], SENT, "url")


@pytest.mark.parametrize("change", [{"epoch": 3}, {"seq": 8}, {"hash": "0c" * 32}], ids=str)
def test_a_receipt_that_takes_another_record_is_an_error(change):
    fields = {"epoch": 2, "seq": 7, "hash": "0b" * 32, "status": "stored"}
    with pytest.raises(SyncError, match="another record"):
        check([Receipt(**{**fields, **change})], SENT, "url")


def test_a_refused_record_is_known_by_its_place_for_it_may_not_have_been_readable():
    check([Receipt(epoch=0, seq=0, hash="0" * 64, status="refused")], SENT, "url")


@pytest.mark.parametrize("receipts", [[], [RECEIPT, RECEIPT]], ids=["none", "two"])
def test_another_number_of_receipts_than_records_is_an_error(receipts):
    with pytest.raises(SyncError, match=f"{len(receipts)} receipts for 1 records"):
        check(receipts, SENT, "url")


def test_the_words_of_a_refusal_are_short_and_printable():
    assert refusal_words(Refusal("no\x1b[31m\nway" + "x" * 999).to_json()).startswith("no[31mway")
    assert len(refusal_words(Refusal("x" * 999).to_json())) == 200
    assert refusal_words(b"<html>") == ""
    assert refusal_words(b'{"error":"\xff"}') == ""
    assert printable("a\r\nb") == "ab"
