"""Bytes marked "captured" are from a Polar H10 (firmware 5.0.0), published in
fstanis/polar-h10-web (test/helpers/captured.ts) and phdiethelm/h10_ecg (gatttool.md)."""

import numpy as np
import pytest

from edge_agent.codes import (
    ACCELERATION_X,
    ACCELERATION_Y,
    ACCELERATION_Z,
    BATTERY,
    ECG,
    HEART_RATE,
)
from edge_agent.driver import FrameError, Read, Write
from edge_agent.model import Boottime, Event, EventKind, Waveform
from edge_drivers import heart_rate
from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.polar_pmd import CONTROL_POINT, DATA, DRIVER
from edge_drivers.polar_pmd_codec import AccelerationFrame, EcgFrame

NS_PER_S = 10**9
AT = Boottime(1000 * NS_PER_S)

CAPTURED = bytes.fromhex(
    "00e416f868ff44520800f1fbff49f1ffcae8ff6fe9ff6febff2bebffc2ecff3cefffa6f0ff55f2ff"
)
CAPTURED_TIME_NS = 599617564162135780
# Times of consecutive captured frames of 73 samples each.
CAPTURED_TIMES_NS = (
    599617564162135780, 599617564722191944, 599617565282273539, 599617565842334786,
    599617566402411294, 599617566962487802, 599617567522564314, 599617568082640822,
    599617568642686812, 599617569202763320, 599617569762839828, 599617570322916340,
    599617570882992848, 599617571443069356, 599617572003145864, 599617572563222372,
    599617573123298880,
)  # fmt: skip
FEATURES = "0f05000000000000000000000000000000"
STOP, ASK, START = "0300", "0100", "02000001820001010e00"
SETTINGS = "f0010000000001820001010e00"
STARTED = "f00200000000"
STOP_MOVING, ASK_MOVING = "0302", "0102"
MOVING_SETTINGS = "f0010200000004190032006400c800010110000203020004000800"
START_MOVING = "0202000132000101100002010800"  # 50 Hz, 16 bits, 8 g
MOVING_STARTED = "f00202000001"


class Strap:
    """A conversation with the decoder, from the strap's side."""

    def __init__(self, *said):
        self.decoder = DRIVER.decoder("strap")
        self.said = []
        self.writes(self.decoder.open(AT))
        for octets in said:
            self.say(octets)

    def say(self, octets, after_s=0.0):
        """Let the strap say something on its control point; return what the hub writes."""
        at = Boottime(AT + round(after_s * NS_PER_S))
        return self.writes(self.decoder.feed(bytes.fromhex(octets), at, CONTROL_POINT))

    def writes(self, outputs):
        outputs = list(outputs)
        self.said += [one for one in outputs if isinstance(one, Event)]
        return [one.payload.hex() for one in outputs if isinstance(one, Write)]


def frame(timestamp_ns, count=73):
    return EcgFrame(timestamp_ns, np.arange(count, dtype=np.int32)).to_bytes()


def feed_all(decoder, times_ns, *, after_s=0.0):
    """Feed frames that arrive as they are measured; return everything that comes out."""
    outputs = []
    for time_ns in times_ns:
        at = Boottime(AT + time_ns - times_ns[0] + round(after_s * NS_PER_S))
        outputs += decoder.feed(frame(time_ns), at, DATA)
    return outputs


def events(outputs):
    return [one.kind for one in outputs if isinstance(one, Event)]


def gaps(outputs):
    return [
        one.detail["missing_samples"]
        for one in outputs
        if isinstance(one, Event) and one.kind is EventKind.GAP
    ]


def blocks(outputs):
    return [one for one in outputs if isinstance(one, Waveform)]


# Bringing it to run


def test_it_stops_what_was_left_asks_what_there_is_and_starts_what_it_chose():
    strap = Strap()
    assert list(strap.decoder.open(AT)) == [
        Read(BATTERY_LEVEL),
        Read(CONTROL_POINT),
        Write(CONTROL_POINT, bytes.fromhex(STOP)),
        Write(CONTROL_POINT, bytes.fromhex(ASK)),
    ]
    assert strap.say(FEATURES) == []
    assert strap.say("f003000600") == []  # nothing to stop
    assert strap.say(SETTINGS) == [START]
    assert strap.say(STARTED) == [STOP_MOVING, ASK_MOVING]
    assert strap.say("f003020600") == []
    assert strap.say(MOVING_SETTINGS) == [START_MOVING]
    assert strap.say(MOVING_STARTED) == []
    assert strap.writes(strap.decoder.close()) == [STOP, STOP_MOVING]
    assert strap.said == []


@pytest.mark.parametrize("features", [(), ("0f01000000",)])
def test_an_older_strap_without_acceleration_is_not_asked_for_it(features):
    strap = Strap(*features)
    assert strap.say(SETTINGS) == [START]
    assert strap.say(STARTED) == []
    assert strap.writes(strap.decoder.close()) == [STOP]


@pytest.mark.parametrize("answer", ["f0010001", "f001000300", "f001000600"])
def test_an_older_strap_that_tells_no_settings_is_started_with_an_h10_s(answer):
    assert Strap().say(answer) == [START]


def test_settings_may_come_in_pieces():
    strap = Strap(FEATURES, SETTINGS, STARTED)
    octets = MOVING_SETTINGS[10:]
    assert strap.say("f001020001" + octets[:10]) == []
    assert strap.say("f001020001" + octets[10:24]) == []
    assert strap.say("f001020000" + octets[24:]) == [START_MOVING]


def test_settings_without_end_are_refused():
    strap = Strap()
    for _ in range(5):
        strap.say("f001000001" + "00" * 100)
    with pytest.raises(FrameError, match="without end"):
        strap.say("f001000001" + "00" * 100)


def test_what_is_on_offer_is_chosen_where_it_is_not_what_is_wanted():
    assert Strap().say("f0010000000002fa00f40101020e001000") == ["02000001fa0001010e00"]


def test_a_stream_that_runs_already_is_stopped_and_started_once():
    strap = Strap(SETTINGS)
    assert strap.say("f002000600") == [STOP, START]
    assert strap.say("f003000600") == []
    assert strap.say("f002000600") == []  # it runs, which is what was asked
    assert strap.said == []


@pytest.mark.parametrize(
    ("octets", "reason", "step"),
    [
        ("f002000500", "settings", "phone app"),
        ("f0020003", "can't measure", "heart-rate"),
        ("f002000a00", "MTU", "ExchangeMTU"),
        ("f001000a00", "MTU", "ExchangeMTU"),  # captured
        ("f002000d00", "charger", "charger"),
        ("f002000e00", "disk_full", "phone app"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(octets, reason, step):
    strap = Strap()
    assert strap.say(octets) == []
    (event,) = strap.said
    assert event.kind is EventKind.STREAM_REFUSED
    assert event.detail["stream"] == "ECG"
    assert reason in event.detail["reason"]
    assert step in event.detail["next_step"]


@pytest.mark.parametrize("octets", ["f0010201", "f002020300"])
def test_a_refused_acceleration_leaves_the_ecg_alone(octets):
    strap = Strap(FEATURES, SETTINGS, STARTED)
    assert strap.say(octets) == []
    assert [one.detail["stream"] for one in strap.said] == ["ACCELERATION"]
    assert strap.writes(strap.decoder.close()) == [STOP]


def test_a_stream_that_the_strap_stops_is_a_gap_and_is_started_again():
    strap = Strap(FEATURES, SETTINGS, STARTED, MOVING_SETTINGS, MOVING_STARTED)
    assert strap.say("010002") == [START, START_MOVING]
    assert [one.kind for one in strap.said] == [EventKind.GAP] * 2
    assert {one.detail["stream"] for one in strap.said} == {"ECG", "ACCELERATION"}


def test_a_strap_that_stops_again_and_again_without_a_sample_is_left_to_the_link():
    strap = Strap(SETTINGS, STARTED)
    started = [strap.say("0100") for _ in range(10)]
    assert started.count([START]) == 2
    feed_all(strap.decoder, CAPTURED_TIMES_NS[:1])
    assert strap.say("0100") == [START]


def test_a_stopped_stream_that_was_not_asked_for_is_nothing_to_us():
    strap = Strap(SETTINGS, STARTED)
    assert strap.say("0102") == []
    assert strap.said == []


# Samples in time


def test_frame_time_belongs_to_the_last_sample():
    decoder = DRIVER.decoder("strap")
    (block,) = decoder.feed(CAPTURED, AT, DATA)
    nine_periods_ns = round(9 * 1e9 / 130)
    assert block.device_ns == CAPTURED_TIME_NS - nine_periods_ns
    assert block.start == AT - nine_periods_ns
    assert (block.code, block.unit_per_count, block.rate_hz) == (ECG, 1.0, 130.0)
    assert not block.follows_gap


def test_rate_is_worked_out_from_the_spacing_of_captured_frames():
    outputs = feed_all(DRIVER.decoder("strap"), CAPTURED_TIMES_NS)
    assert events(outputs) == []
    rates = [block.rate_hz for block in blocks(outputs)]
    assert rates[0] == 130.0
    assert rates[1:] == pytest.approx([130.34] * 16, abs=0.01)


def test_every_sample_of_the_captured_frames_is_placed_within_a_hundredth_of_a_sample():
    before, *rest = blocks(feed_all(DRIVER.decoder("strap"), CAPTURED_TIMES_NS))[1:]
    for block in rest:
        end_ns = before.device_ns + round(73e9 / before.rate_hz)
        assert abs(block.device_ns - end_ns) < 0.01 * 1e9 / 130
        before = block


def test_lost_frames_are_a_gap_with_its_samples():
    times = CAPTURED_TIMES_NS[:5] + CAPTURED_TIMES_NS[7:9]
    outputs = feed_all(DRIVER.decoder("strap"), times)
    assert gaps(outputs) == [2 * 73]
    assert [block.follows_gap for block in blocks(outputs)] == [False] * 5 + [True, False]


def test_a_frame_that_comes_twice_is_told_and_not_given_again():
    outputs = feed_all(DRIVER.decoder("strap"), CAPTURED_TIMES_NS[:3] + CAPTURED_TIMES_NS[2:4])
    assert events(outputs) == [EventKind.OVERLAP]
    assert len(blocks(outputs)) == 4
    assert not any(block.follows_gap for block in blocks(outputs))


def test_samples_that_overlap_are_told():
    times = (*CAPTURED_TIMES_NS[:3], CAPTURED_TIMES_NS[2] + 300_000_000)
    outputs = feed_all(DRIVER.decoder("strap"), times)
    assert events(outputs) == [EventKind.OVERLAP]
    assert len(blocks(outputs)) == 4


@pytest.mark.parametrize("back_s", [30, 3600])
def test_a_clock_that_restarted_between_two_connections_loses_no_ecg(back_s):
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:3])
    away_s = 90.0
    decoder.open(AT)
    restarted = [time_ns - back_s * NS_PER_S for time_ns in CAPTURED_TIMES_NS[:3]]
    outputs = feed_all(decoder, restarted, after_s=away_s)
    # Two frames after the first before the loss, and the block that arrives is no gap itself.
    assert gaps(outputs) == [pytest.approx(away_s * 130.34 - 3 * 73, abs=1)]
    assert [block.follows_gap for block in blocks(outputs)] == [True, False, False]


def test_a_clock_set_back_to_2019_within_a_connection_is_told_and_costs_nothing():
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:3])
    reset = [time_ns - 1500 * NS_PER_S for time_ns in CAPTURED_TIMES_NS[3:6]]
    outputs = feed_all(decoder, reset, after_s=3 * 0.56)
    assert events(outputs) == [EventKind.CLOCK_RESET]
    assert [block.follows_gap for block in blocks(outputs)] == [True, False, False]


def test_a_gap_over_a_lost_connection_is_counted_by_the_strap_s_clock():
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:2])
    decoder.open(AT)
    later = [time_ns + 20 * NS_PER_S for time_ns in CAPTURED_TIMES_NS[:2]]
    outputs = feed_all(decoder, later, after_s=21.0)  # the radio was a second late
    assert gaps(outputs) == [pytest.approx(20 * 130.34 - 2 * 73, abs=1)]
    assert events(outputs) == [EventKind.GAP]


# Acceleration


def moving(last_ns, counts, frame_type=1):
    return AccelerationFrame(last_ns, np.array(counts, np.int32), frame_type).to_bytes()


def test_acceleration_comes_as_three_waveforms_in_milli_g():
    strap = Strap(FEATURES, SETTINGS, STARTED, MOVING_SETTINGS, MOVING_STARTED)
    x, y, z = strap.decoder.feed(moving(10**9, [(-15, 20, 1008), (-20, 17, 1008)]), AT, DATA)
    assert [one.code for one in (x, y, z)] == [ACCELERATION_X, ACCELERATION_Y, ACCELERATION_Z]
    assert [one.values.tolist() for one in (x, y, z)] == [[-15, -20], [20, 17], [1008, 1008]]
    assert {(one.rate_hz, one.device_ns) for one in (x, y, z)} == {(50.0, 10**9 - 20_000_000)}


@pytest.mark.parametrize(("frame_type", "per_count"), [(0x81, 0.25), (0x80, 250.0)])
def test_packed_acceleration_is_worth_what_the_strap_said_at_the_start(frame_type, per_count):
    strap = Strap(FEATURES, SETTINGS, STARTED, MOVING_SETTINGS, "f00202000005010000803e")
    _, _, z = strap.decoder.feed(moving(10**9, [(0, 0, 4), (0, 0, 5)], frame_type), AT, DATA)
    assert z.values.tolist() == [4 * per_count, 5 * per_count]


def test_a_chosen_rate_that_is_not_the_wanted_one_places_the_samples():
    strap = Strap(FEATURES, SETTINGS, STARTED, "f0010200000001340001011000", MOVING_STARTED)
    x, _, _ = strap.decoder.feed(moving(10**9, [(0, 0, 0)] * 53), AT, DATA)
    assert x.rate_hz == 52.0
    assert x.device_ns == 0


def test_lost_acceleration_is_a_gap_of_its_own():
    strap = Strap(FEATURES, SETTINGS, STARTED, MOVING_SETTINGS, MOVING_STARTED)
    outputs = []
    for number in (1, 2, 4):
        at = Boottime(AT + number * NS_PER_S)
        outputs += strap.decoder.feed(moving(number * 10**9, [(0, 0, 1000)] * 50), at, DATA)
    assert gaps(outputs) == [50]
    assert [one.follows_gap for one in blocks(outputs)] == [False] * 6 + [True] * 3
    assert events(feed_all(strap.decoder, CAPTURED_TIMES_NS[:3])) == []


@pytest.mark.parametrize("ecg_first", [True, False])
def test_the_strap_s_one_clock_is_told_of_once_by_the_stream_that_sees_it_first(ecg_first):
    strap = Strap(FEATURES, SETTINGS, STARTED, MOVING_SETTINGS, MOVING_STARTED)
    outputs = []
    for back_s in (0, 900, 1800):
        at, now_ns = Boottime(AT + back_s), CAPTURED_TIME_NS - back_s * NS_PER_S
        frames = [frame(now_ns), moving(now_ns, [(0, 0, 1000)] * 36)]
        for octets in frames if ecg_first else frames[::-1]:
            outputs += strap.decoder.feed(octets, at, DATA)
    assert events(outputs) == [EventKind.CLOCK_RESET] * 2
    assert all(one.follows_gap for one in blocks(outputs)[4:])


@pytest.mark.parametrize(
    "octets", ["", "01" + "00" * 12, "00e416f868ff44520880f1fbff", "0200943577000000000181f1"]
)
def test_a_frame_of_another_kind_is_refused_and_changes_nothing(octets):
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:2])
    with pytest.raises(FrameError):
        decoder.feed(bytes.fromhex(octets), AT, DATA)
    at_s = 2 * 0.56
    assert events(feed_all(decoder, CAPTURED_TIMES_NS[2:4], after_s=at_s)) == []


def test_heart_rate_and_battery_of_the_same_strap_come_through():
    decoder = DRIVER.decoder("strap")
    rate, _ = decoder.feed(bytes.fromhex("104b3403"), AT, heart_rate.MEASUREMENT)
    (battery,) = decoder.feed(b"\x64", AT, BATTERY_LEVEL)
    assert (rate.code, rate.value) == (HEART_RATE, 75.0)
    assert (battery.code, battery.value) == (BATTERY, 100.0)
