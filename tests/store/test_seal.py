import dataclasses

import pytest

from edge_agent.errors import SealError
from edge_agent.store.keys import HubIdentity, RecipientKey
from edge_agent.store.payload import encode, pad
from edge_agent.store.seal import (
    HEADER_OCTETS,
    NO_RECORD,
    RECORD_LIMIT_OCTETS,
    SIGNATURE_OCTETS,
    Header,
    RecordClass,
    open_,
    parse,
    seal,
    verify,
)
from edge_agent.store.suites import Suite

PADDED = pad(encode({"observation": [{"code": "MDC_ECG_HEART_RATE", "mean": 72.5}]}))


@pytest.fixture(params=list(Suite))
def key(request):
    return RecipientKey.generate(request.param)


def header_for(identity, key, **changed):
    fields = {
        "suite": key.suite,
        "recipient_key_id": key.public.key_id,
        "hub_id": identity.hub_id,
        "subject": b"S" * 16,
        "record_class": RecordClass.SUMMARY,
        "epoch": 3,
        "seq": 41,
        "count": 1,
        "previous": NO_RECORD,
        "signer_key_id": identity.card.key_id,
    }
    return Header(**{**fields, **changed})


@pytest.fixture
def record(identity, key):
    return seal(header_for(identity, key), PADDED, key.public, identity)


def test_a_record_verifies_opens_and_has_the_documented_length(identity, key, record):
    again = parse(record.octets)
    verify(again, identity.card)
    assert again == record
    assert open_(again, key) == PADDED
    overhead = {Suite.X_WING: 1136, Suite.X25519: 48}[key.suite]
    assert len(record.octets) == 100 + overhead + len(PADDED) + 64


def test_sealing_twice_gives_two_records(identity, key, record):
    again = seal(record.header, PADDED, key.public, identity)
    assert again.id != record.id
    assert open_(again, key) == PADDED


def test_another_key_of_the_same_suite_does_not_open_it(key, record):
    with pytest.raises(SealError, match="another key"):
        open_(record, RecipientKey.generate(key.suite))


@pytest.mark.parametrize(
    "moved",
    [
        {"subject": b"T" * 16},
        {"hub_id": b"H" * 16},
        {"seq": 42},
        {"epoch": 4},
        {"count": 2},
        {"record_class": RecordClass.EVENT},
        {"schema_version": 2},
        {"previous": b"P" * 32},
        {"signer_key_id": b"K" * 8},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_a_moved_record_neither_verifies_nor_opens(identity, key, record, moved):
    header = dataclasses.replace(record.header, **moved)
    forged = parse(header.to_bytes() + record.octets[HEADER_OCTETS:])
    with pytest.raises(SealError):
        verify(forged, identity.card)
    with pytest.raises(SealError, match="does not open"):
        open_(forged, key)


def test_a_thief_with_a_key_of_his_own_can_not_take_a_record_over(tmp_path, key, record):
    thief = HubIdentity.load_or_create(tmp_path / "thief")
    header = dataclasses.replace(
        record.header, hub_id=thief.hub_id, signer_key_id=thief.card.key_id
    )
    body = header.to_bytes() + record.body
    stolen = parse(body + record.signature)
    with pytest.raises(SealError, match="signature"):
        verify(stolen, thief.card)
    with pytest.raises(SealError, match="does not open"):
        open_(stolen, key)


def test_a_change_of_any_octet_is_refused_by_the_signature(identity, record):
    for place in range(0, len(record.octets), 7):
        octets = bytearray(record.octets)
        octets[place] ^= 1
        with pytest.raises(SealError):  # noqa: PT012 - parsing or verifying may see it first
            changed = parse(bytes(octets))
            verify(changed, identity.card)


def test_a_change_of_any_octet_of_the_body_does_not_open(key, record):
    for place in range(HEADER_OCTETS, len(record.octets) - SIGNATURE_OCTETS, 31):
        octets = bytearray(record.octets)
        octets[place] ^= 128
        with pytest.raises(SealError, match="does not open"):
            open_(parse(bytes(octets)), key)


def test_every_truncation_is_refused(record):
    for length in range(0, len(record.octets), 5):
        with pytest.raises(SealError):
            parse(record.octets[:length])


@pytest.mark.parametrize(
    ("place", "octet", "reason"),
    [(0, 0, "version 0"), (0, 2, "version 2"), (1, 0, "suite 0"), (1, 3, "suite 3"),
     (2, 0, "class 0"), (2, 5, "class 5")],
)  # fmt: skip
def test_unknown_versions_suites_and_classes_are_refused(record, place, octet, reason):
    octets = bytearray(record.octets)
    octets[place] = octet
    with pytest.raises(SealError, match=f"{reason} is not known"):
        parse(bytes(octets))


def test_a_place_that_no_database_could_keep_is_refused(identity, key):
    octets = header_for(identity, key, seq=2**63).to_bytes()
    with pytest.raises(SealError, match="out of range"):
        Header.from_bytes(octets)


def test_a_record_longer_than_the_limit_is_refused(record):
    longer = record.octets[:HEADER_OCTETS].ljust(RECORD_LIMIT_OCTETS + 512, b"\0")
    with pytest.raises(SealError, match="no whole record"):
        parse(longer)


def test_fields_that_do_not_fit_the_header_are_refused(identity, key):
    for changed in ({"subject": b"short"}, {"epoch": 2**32}, {"count": -1}):
        with pytest.raises(SealError):
            seal(header_for(identity, key, **changed), PADDED, key.public, identity)


def test_a_header_that_names_another_key_or_hub_is_not_sealed(identity, key):
    for changed in ({"recipient_key_id": b"K" * 8}, {"hub_id": b"H" * 16}):
        with pytest.raises(SealError, match="names another"):
            seal(header_for(identity, key, **changed), PADDED, key.public, identity)
