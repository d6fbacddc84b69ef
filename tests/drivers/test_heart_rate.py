"""Bytes marked "captured" are from a Polar H10, published in fstanis/polar-h10-web
(test/helpers/captured.ts); those marked "vendor test" from polarofficial/polar-ble-sdk
(BleHrClientTest.kt)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import BATTERY, HEART_RATE, RR_INTERVAL
from edge_agent.driver import FrameError, Read
from edge_agent.model import Boottime, State
from edge_drivers.gatt import BATTERY_LEVEL, uuid16
from edge_drivers.heart_rate import DRIVER, MEASUREMENT, HeartRateMeasurement

AT = Boottime(10**12)

CAPTURED = [
    ("104b3403", 75, (820,)),
    ("104b3b035903", 75, (827, 857)),
    ("104b4903", 75, (841,)),
    ("104bf602", 75, (758,)),
    ("104cd1020903", 76, (721, 777)),
    ("104c2e03", 76, (814,)),
    ("104d5c03", 77, (860,)),
    ("104c6903", 76, (873,)),
    ("104b2503e102", 75, (805, 737)),
    ("104cf502", 76, (757,)),
    ("104d1503", 77, (789,)),
    ("104d26032903", 77, (806, 809)),
]
# hex, rate, contact, energy, RR
VENDOR_TEST = [
    ("00ff", 255, None, None, ()),
    ("018080", 32896, None, None, ()),
    ("0600", 0, True, None, ()),
    ("0400", 0, False, None, ()),
    ("090000ffff", 0, None, 65535, ()),
    ("08007f80", 0, None, 32895, ()),
    ("1000ffff", 0, None, None, (65535,)),
    ("110000ffff7f80", 0, None, None, (65535, 32895)),
]


def decode(octets):
    return list(DRIVER.decoder("strap").feed(bytes.fromhex(octets), AT, MEASUREMENT))


@pytest.mark.parametrize(("octets", "rate", "rr"), CAPTURED)
def test_captured_measurements_both_ways(octets, rate, rr):
    one = HeartRateMeasurement(rate_per_min=rate, rr_1024=rr)
    assert HeartRateMeasurement.from_bytes(bytes.fromhex(octets)) == one
    assert one.to_bytes().hex() == octets


@pytest.mark.parametrize(("octets", "rate", "contact", "energy", "rr"), VENDOR_TEST)
def test_vendor_test_measurements(octets, rate, contact, energy, rr):
    assert HeartRateMeasurement.from_bytes(bytes.fromhex(octets)) == HeartRateMeasurement(
        rate_per_min=rate, contact=contact, energy_kj=energy, rr_1024=rr
    )


def test_odd_octet_after_the_last_rr_is_dropped():
    one = HeartRateMeasurement.from_bytes(bytes.fromhex("1e48d204200300"))
    assert one == HeartRateMeasurement(
        rate_per_min=72, contact=True, energy_kj=1234, rr_1024=(800,)
    )


def test_rr_flag_without_intervals_is_legal():
    assert HeartRateMeasurement.from_bytes(bytes.fromhex("1048")).rr_1024 == ()


@pytest.mark.parametrize("octets", ["", "00", "0148", "0848", "084801"])
def test_measurement_shorter_than_its_flags_is_refused(octets):
    with pytest.raises(FrameError):
        HeartRateMeasurement.from_bytes(bytes.fromhex(octets))


@given(
    st.builds(
        HeartRateMeasurement,
        rate_per_min=st.integers(0, 0xFFFF),
        contact=st.none() | st.booleans(),
        energy_kj=st.none() | st.integers(0, 0xFFFF),
        rr_1024=st.lists(st.integers(0, 0xFFFF), max_size=9).map(tuple),
    )
)
def test_measurement_round_trip(one):
    assert HeartRateMeasurement.from_bytes(one.to_bytes()) == one


def test_a_small_rate_may_come_in_16_bits():
    one = HeartRateMeasurement(rate_per_min=72, energy_kj=1)
    assert one.to_bytes(wide=True).hex() == "0948000100"
    assert HeartRateMeasurement.from_bytes(one.to_bytes(wide=True)) == one


def test_beats_lie_one_after_the_other_and_the_last_at_arrival():
    rate, first, second = decode("104b3b035903")  # RR 827 and 857 ticks of 1/1024 s
    assert (rate.code, rate.value, rate.at) == (HEART_RATE, 75.0, AT)
    assert (first.code, second.code) == (RR_INTERVAL, RR_INTERVAL)
    assert first.value == pytest.approx(807.617, abs=5e-4)
    assert second.value == pytest.approx(836.914, abs=5e-4)
    assert second.at == AT
    assert AT - first.at == round(857 / 1024 * 1e9)


def told(decoder, after_s, *rr_1024):
    """Return where the beats of one notification are put, in seconds after the first one came."""
    at = Boottime(AT + round(after_s * 1e9))
    octets = HeartRateMeasurement(rate_per_min=60, rr_1024=rr_1024).to_bytes()
    return [(one.at - AT) / 1e9 for one in list(decoder.feed(octets, at, MEASUREMENT))[1:]]


def test_beats_of_several_notifications_lie_an_interval_apart_whenever_they_arrive():
    decoder = DRIVER.decoder("strap")
    assert told(decoder, 0.0, 1024) == [0.0]
    assert told(decoder, 1.4, 1024) == [1.0]
    assert told(decoder, 2.0) == []  # no beat has ended since
    assert told(decoder, 3.3, 512, 1024) == [1.5, 2.5]


def test_no_beat_lies_after_its_arrival():
    decoder = DRIVER.decoder("strap")
    told(decoder, 0.0, 1024)  # this one was late
    assert told(decoder, 0.7, 1024) == [0.7]
    assert told(decoder, 2.0, 1024) == [1.7]


def test_after_beats_that_nobody_told_of_the_next_lie_at_their_arrival():
    decoder = DRIVER.decoder("strap")
    told(decoder, 0.0, 1024)
    assert told(decoder, 10.0, 1024, 512) == [9.5, 10.0]


def test_a_strap_that_lost_its_contact_leaves_no_beats():
    decoder = DRIVER.decoder("strap")
    told(decoder, 0.0, 1024)
    assert len(list(decoder.feed(bytes.fromhex("1448200320"), AT, MEASUREMENT))) == 1


def test_skin_contact_that_is_lost_leaves_no_number():
    (one,) = decode("1448200320")  # contact supported and absent, with a rate and an interval
    assert (one.code, one.value, one.state, one.quality) == (
        HEART_RATE, None, State.NOT_ATTACHED, 0.0,
    )  # fmt: skip


def test_contact_bit_counts_only_where_contact_is_supported():
    (one,) = decode("0248")
    assert (one.value, one.state) == (72.0, State.MEASURED)


def test_rate_of_zero_is_searching():
    (one,) = decode("0600")
    assert (one.value, one.state) == (None, State.SEARCHING)


def test_implausible_numbers_are_kept_and_questionable():
    rate, interval = decode("018080")[0], decode("1048ffff")[1]
    assert (rate.value, rate.state, rate.quality) == (32896.0, State.QUESTIONABLE, 0.0)
    assert (interval.state, interval.quality) == (State.QUESTIONABLE, 0.0)
    assert not interval.is_reliable


def test_battery_is_read_at_the_start_and_decoded():
    decoder = DRIVER.decoder("strap")
    assert list(decoder.open(AT)) == [Read(BATTERY_LEVEL)]
    (one,) = decoder.feed(b"\x5f", AT, BATTERY_LEVEL)
    assert (one.code, one.value) == (BATTERY, 95.0)


@pytest.mark.parametrize("octets", ["", "65", "5f00"])
def test_battery_that_is_no_percentage_is_refused(octets):
    with pytest.raises(FrameError):
        DRIVER.decoder("strap").feed(bytes.fromhex(octets), AT, BATTERY_LEVEL)


def test_short_uuids_stand_in_the_bluetooth_base():
    assert uuid16(0x180D) == "0000180d-0000-1000-8000-00805f9b34fb"
