import dataclasses

import pytest

from edge_agent.errors import SealError
from edge_agent.store.certificate import CERTIFICATE_OCTETS, PLACES, Certificate
from edge_agent.store.keys import HubIdentity, RecipientKey
from edge_agent.store.payload import decode, encode, pad, unpad
from edge_agent.store.seal import (
    CLEAR_OCTETS,
    HEADER_OCTETS,
    NO_RECORD,
    RECORD_LIMIT_OCTETS,
    SIGNATURE_OCTETS,
    DaySigner,
    Header,
    Recipients,
    RecordClass,
    open_,
    parse,
    parse_any,
    seal,
    sealed_octets,
    verify,
)
from edge_agent.store.suites import Suite
from tests.old_envelope import old_record

TABLES = {"observation": [{"code": "MDC_ECG_HEART_RATE", "mean": 72.5}]}
PADDED = pad(encode(TABLES))


@pytest.fixture(params=list(Suite))
def key(request):
    return RecipientKey.generate(request.param)


@pytest.fixture
def signer(identity):
    return DaySigner.begin(identity, epoch=3, first_seq=40)


def header_for(identity, to, **changed):
    fields = {
        "suite": to.suite,
        "recipient_key_id": to.key_ids[0],
        "recovery_key_id": to.key_ids[1],
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
def record(identity, key, signer):
    to = Recipients(key.public)
    return seal(header_for(identity, to), PADDED, to, signer)


def test_a_record_verifies_opens_and_has_the_documented_length(identity, key, record):
    again = parse(record.octets)
    verify(again, identity.card)
    assert again == record
    assert open_(again, key) == PADDED
    overhead = {Suite.X_WING: 1136, Suite.X25519: 48}[key.suite]
    assert len(record.octets) == 108 + 212 + (overhead + 32) + (len(PADDED) + 16) + 64
    assert len(record.octets) == sealed_octets(Recipients(key.public), len(PADDED))


def test_sealing_twice_gives_two_records(identity, key, record, signer):
    again = seal(record.header, PADDED, Recipients(key.public), signer)
    assert again.id != record.id
    assert open_(again, key) == PADDED


def test_the_clinic_or_the_recovery_key_alone_opens_what_is_sealed_to_both(identity, key, signer):
    recovery = RecipientKey.generate(key.suite)
    to = Recipients(key.public, recovery.public)
    record = parse(seal(header_for(identity, to), PADDED, to, signer).octets)
    verify(record, identity.card)
    assert len(record.octets) == sealed_octets(to, len(PADDED))
    assert open_(record, key) == open_(record, recovery) == PADDED
    with pytest.raises(SealError, match="another key"):
        open_(record, RecipientKey.generate(key.suite))


def test_a_recovery_key_of_another_suite_or_the_clinics_own_is_refused(key):
    other = RecipientKey.generate(Suite.X25519 if key.suite is Suite.X_WING else Suite.X_WING)
    with pytest.raises(SealError, match="of one suite"):
        Recipients(key.public, other.public)
    with pytest.raises(SealError, match="the collector's own"):
        Recipients(key.public, key.public)


def test_a_record_that_only_claims_a_recovery_key_does_not_open_with_it(identity, key, record):
    recovery = RecipientKey.generate(key.suite)
    header = dataclasses.replace(record.header, recovery_key_id=recovery.public.key_id)
    both = Recipients(key.public, recovery.public)
    rest = record.octets[HEADER_OCTETS:].ljust(sealed_octets(both, 512) - HEADER_OCTETS, b"\0")
    claimed = parse(header.to_bytes() + rest)
    with pytest.raises(SealError, match="does not open"):
        open_(claimed, recovery)


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


def test_a_body_under_another_certificate_does_not_open(identity, key, record):
    other = DaySigner.begin(identity, epoch=3, first_seq=40)
    octets = record.octets
    forged = parse(octets[:HEADER_OCTETS] + other.certificate.octets + octets[CLEAR_OCTETS:])
    with pytest.raises(SealError, match="does not open"):
        open_(forged, key)


def resigned(record, signer):
    """A record as it is, with another day key's certificate and signature."""
    body = record.octets[:HEADER_OCTETS] + signer.certificate.octets + record.body
    unsigned = parse(body + bytes(64))
    return parse(body + signer.sign(b"edge-agent/seal/v2" + unsigned.id))


def test_an_old_record_rewritten_with_a_newer_day_key_is_refused(identity, record, signer):
    tomorrow = DaySigner.begin(identity, epoch=3, first_seq=100, after=signer)
    with pytest.raises(SealError, match="place 41 of epoch 3 signed with the day key of 100 to"):
        verify(resigned(record, tomorrow), identity.card)
    after_a_reboot = DaySigner.begin(identity, epoch=4, first_seq=1, after=signer)
    with pytest.raises(SealError, match="of epoch 4"):
        verify(resigned(record, after_a_reboot), identity.card)
    same_place = DaySigner.begin(identity, epoch=3, first_seq=41, after=signer)
    verify(resigned(record, same_place), identity.card)  # the resigning itself is sound


def test_a_certificate_that_was_widened_or_signed_by_another_hub_is_refused(
    identity, record, signer, tmp_path
):
    tomorrow = DaySigner.begin(identity, epoch=3, first_seq=100, after=signer)
    octets = tomorrow.certificate.octets
    widened = Certificate.from_bytes(octets[:4] + (1).to_bytes(8, "big") + octets[12:])
    forged = dataclasses.replace(tomorrow, certificate=widened)
    with pytest.raises(SealError, match="not certified by this hub"):
        verify(resigned(record, forged), identity.card)
    thief = HubIdentity.load_or_create(tmp_path / "thief")
    foreign = DaySigner.begin(thief, epoch=3, first_seq=1)
    with pytest.raises(SealError, match="not certified by this hub"):
        verify(resigned(record, foreign), identity.card)


def test_who_has_the_identity_but_not_the_key_before_can_not_hand_over(identity, record, signer):
    """What a thief of a running hub lacks: the day key before today's has been thrown away."""
    stolen = DaySigner.begin(identity, epoch=3, first_seq=1)
    claimed = dataclasses.replace(stolen, certificate=signer.certificate)  # without its key
    forged = DaySigner.begin(identity, epoch=3, first_seq=1, after=claimed)
    with pytest.raises(SealError, match="not handed over by the one before"):
        verify(resigned(record, forged), identity.card)


def test_a_day_key_has_an_end(identity, signer):
    assert signer.certificate.covers(3, 40 + PLACES - 1)
    assert not signer.certificate.covers(3, 40 + PLACES)
    assert not signer.certificate.covers(3, 39)
    assert not signer.certificate.covers(2, 41)
    assert len(signer.certificate.octets) == CERTIFICATE_OCTETS == 212


def test_a_place_that_is_not_the_day_keys_is_not_sealed(identity, key, signer):
    to = Recipients(key.public)
    for changed in ({"seq": 39}, {"epoch": 2}):
        with pytest.raises(SealError, match="not this day key's"):
            seal(header_for(identity, to, **changed), PADDED, to, signer)


def test_a_record_of_version_1_verifies_and_opens(identity, key):
    record = old_record(identity, key.public, TABLES, seq=7)
    verify(record, identity.card)
    assert decode(unpad(open_(record, key))) == TABLES
    assert (record.header.version, record.header.seq, record.certificate) == (1, 7, None)
    with pytest.raises(SealError, match="version 1 is not written"):
        record.header.to_bytes()


def test_a_thief_with_a_key_of_his_own_can_not_take_a_record_over(tmp_path, key, record):
    thief = HubIdentity.load_or_create(tmp_path / "thief")
    header = dataclasses.replace(
        record.header, hub_id=thief.hub_id, signer_key_id=thief.card.key_id
    )
    own = DaySigner.begin(thief, epoch=3, first_seq=1)
    stolen = resigned(parse(header.to_bytes() + record.octets[HEADER_OCTETS:]), own)
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
    [(0, 3, "version 3"), (1, 0, "suite 0"), (1, 3, "suite 3"),
     (2, 0, "class 0"), (2, 5, "class 5")],
)  # fmt: skip
def test_unknown_versions_suites_and_classes_are_not_opened_and_still_verified(
    identity, key, record, signer, place, octet, reason
):
    octets = bytearray(record.octets[:-SIGNATURE_OCTETS])
    octets[place] = octet
    unsigned = parse_any(bytes(octets) + bytes(SIGNATURE_OCTETS))
    signed = bytes(octets) + signer.sign(b"edge-agent/seal/v2" + unsigned.id)
    with pytest.raises(SealError, match=f"{reason} is not known"):
        parse(signed)
    unknown = parse_any(signed)
    verify(unknown, identity.card)
    assert unknown.header.unknown == f"{reason} is not known"
    assert (unknown.header.hub_id, unknown.header.seq) == (identity.hub_id, 41)
    with pytest.raises(SealError, match="is not known"):
        open_(unknown, key)
    with pytest.raises(SealError, match="signature"):
        verify(unsigned, identity.card)


def test_there_is_no_version_0(record):
    with pytest.raises(SealError, match="version 0 is not known"):
        parse_any(b"\0" + record.octets[1:])


def test_a_place_that_no_database_could_keep_is_refused(identity, key):
    octets = header_for(identity, Recipients(key.public), seq=2**63).to_bytes()
    with pytest.raises(SealError, match="out of range"):
        Header.from_bytes(octets)


def test_a_record_longer_than_the_limit_is_refused(record):
    longer = record.octets[:HEADER_OCTETS].ljust(RECORD_LIMIT_OCTETS + 512, b"\0")
    with pytest.raises(SealError, match="no whole record"):
        parse(longer)


def test_fields_that_do_not_fit_the_header_are_refused(identity, key, signer):
    to = Recipients(key.public)
    for changed in ({"subject": b"short"}, {"count": 2**32}, {"count": -1}, {"version": 1}):
        with pytest.raises(SealError):
            seal(header_for(identity, to, **changed), PADDED, to, signer)


def test_a_header_that_names_another_key_or_hub_is_not_sealed(identity, key, signer):
    to = Recipients(key.public)
    for changed in (
        {"recipient_key_id": b"K" * 8}, {"recovery_key_id": b"K" * 8}, {"hub_id": b"H" * 16},
    ):  # fmt: skip
        with pytest.raises(SealError, match="names another"):
            seal(header_for(identity, to, **changed), PADDED, to, signer)
