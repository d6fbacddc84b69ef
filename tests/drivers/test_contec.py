"""Packets of Contec's newer protocol: captured from a CMS50D+ (headrotor/contec_data, MIT), and
computed from the vendor's protocol document V7.0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PERFUSION_INDEX, PLETH, PULSE_RATE, SPO2
from edge_agent.driver import FrameError, Write
from edge_agent.model import Boottime, Event, State, Waveform
from edge_drivers.contec import DRIVER, SAMPLES_PER_BLOCK, RealTime, packet

AT = Boottime(10**12)
CAPTURED = bytes.fromhex(
    "01e085b396c1e1ffff 01e085b096c1e1ffff 01e085ae95c1e1ffff 01e085ac95c1e1ffff"
    "01e085ab95c1e1ffff 01e085aa95c1e1ffff 01e085aa95c1e1ffff".replace(" ", "")
)
ANSWERS = [
    "0c80", "06808087", "118081818080808080", "0e8081", "1380a0a0a0a0a0a0a0",
    "1480a0a0a0a0a08080", "028080a0a0a0a0a0a0", "0281ffa0a0a0a0a0a0", "0480f5f3e5f2a0a0a0",
    "0380a0a0a0a0a0a0a0",
]  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "one"),
    [
        (
            "01e085b396c1e1ffff",
            RealTime(spo2_percent=97, pulse_per_min=65, pleth=51, signal=5, bar=6),
        ),
        # Bit 7 of the rate travels in the second octet; a mask of 7F alone shows 13.
        (
            "018886bc858de2d481",
            RealTime(
                spo2_percent=98,
                pulse_per_min=141,
                pleth=60,
                signal=6,
                bar=5,
                perfusion_centipercent=340,
            ),
        ),
        (
            "01e9808090ffffffff",
            RealTime(
                spo2_percent=None, pulse_per_min=None, pleth=0, signal=0, probe_error=True
            ),
        ),
        (
            "01ea849493ffffffff",
            RealTime(
                spo2_percent=None, pulse_per_min=None, pleth=20, signal=4, bar=3, searching=True
            ),
        ),
    ],
)  # fmt: skip
def test_published_packet_goes_both_ways(octets, one):
    assert RealTime.from_bytes(bytes.fromhex(octets)) == one
    assert one.to_bytes().hex() == octets


@given(
    st.builds(
        RealTime,
        spo2_percent=st.none() | st.integers(0, 126),
        pulse_per_min=st.none() | st.integers(0, 254),
        pleth=st.integers(0, 127),
        perfusion_centipercent=st.none() | st.integers(0, 0xFFFE),
        signal=st.integers(0, 15),
        bar=st.integers(0, 15),
        beat=st.booleans(),
        searching=st.booleans(),
        searching_too_long=st.booleans(),
        low_spo2=st.booleans(),
        probe_error=st.booleans(),
    )
)
def test_packet_round_trip(one):
    octets = one.to_bytes()
    assert RealTime.from_bytes(octets) == packet(octets) == one


@pytest.mark.parametrize(
    "octets", ["", "01e085b396c1e1ff", "02e085b396c1e1ffff", "01e085b396c161ffff"]
)
def test_packet_of_wrong_length_type_or_without_its_high_bits_is_refused(octets):
    with pytest.raises(FrameError):
        RealTime.from_bytes(bytes.fromhex(octets))


def test_oximeter_is_asked_to_send_kept_awake_and_let_go():
    decoder = DRIVER.decoder("finger")
    assert list(decoder.open(AT)) == [Write("", bytes.fromhex("7d81a1808080808080"))]
    assert list(decoder.poll(AT)) == [Write("", bytes.fromhex("7d81af808080808080"))]
    assert list(decoder.close()) == [Write("", bytes.fromhex("7d81a2808080808080"))]
    assert DRIVER.link.poll_s == 5.0


def test_answers_and_undocumented_packets_between_samples_cost_nothing():
    stream = b"".join(CAPTURED[:27] + bytes.fromhex(answer) for answer in ANSWERS)
    outputs = DRIVER.decoder("finger").feed(stream, AT)
    assert not [one for one in outputs if isinstance(one, Event)]
    waves = [one for one in outputs if isinstance(one, Waveform)]
    assert waves[0].samples.tolist() == ([51, 48, 46] * 7)[:SAMPLES_PER_BLOCK]
    assert DRIVER.recognise(stream) > 0.95


def test_octets_lost_before_an_answer_still_mark_the_next_sample():
    decoder = DRIVER.decoder("finger")
    decoder.feed(CAPTURED * 3, AT)
    outputs = decoder.feed(b"\x00" + bytes.fromhex(ANSWERS[0]) + CAPTURED * 4, AT)
    waves = [one for one in outputs if isinstance(one, Waveform)]
    assert [len(wave.samples) for wave in waves] == [1, SAMPLES_PER_BLOCK]
    assert [wave.follows_gap for wave in waves] == [False, True]


def test_captured_stream_gives_one_set_of_numbers_for_a_third_of_a_second():
    spo2, pulse, wave = DRIVER.decoder("finger").feed(CAPTURED * 3, AT)
    assert (spo2.code, spo2.value, spo2.quality) == (SPO2, 97.0, 1.0)
    assert (pulse.code, pulse.value) == (PULSE_RATE, 65.0)
    assert (wave.code, wave.rate_hz, len(wave.samples)) == (PLETH, 60.0, SAMPLES_PER_BLOCK)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"probe_error": True}, State.NOT_ATTACHED),
        ({"searching": True}, State.SEARCHING),
        ({"searching_too_long": True}, State.SEARCHING),
        ({"low_spo2": True, "beat": True}, State.MEASURED),
    ],
)
def test_flags_become_states_and_held_numbers_are_left_away(fields, state):
    one = RealTime(spo2_percent=85, pulse_per_min=180, pleth=9, perfusion_centipercent=50, **fields)
    outputs = DRIVER.decoder("finger").feed(one.to_bytes() * SAMPLES_PER_BLOCK, AT)
    values = {one.code: one.value for one in outputs[:-1]}
    if state is State.MEASURED:
        assert values == {SPO2: 85.0, PULSE_RATE: 180.0, PERFUSION_INDEX: 0.5}
    else:
        assert values == {SPO2: None, PULSE_RATE: None}
    assert {one.state for one in outputs} == {state}
