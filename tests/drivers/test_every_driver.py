"""What every driver owes the hub, tested for each one that is installed, with no code per driver.

The captures that are played here are described in ``tests/captures/README.md``.
"""

import copy
import itertools
import json
import random
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import codes
from edge_agent.capture import Action
from edge_agent.driver import FrameError, Gatt, Modbus, Read, Serial, Write
from edge_agent.model import Event, Observation, State, Waveform
from tests.every_driver import CASES, SENSOR, SUBJECTS, ZERO, Step, steps

REFUSED = {"rejected", "at_ms"}

every_driver = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
every_serial_driver = pytest.mark.parametrize(
    "subject",
    [one for one in SUBJECTS if isinstance(one.driver.link, Serial)],
    ids=lambda one: one.name,
)
every_driver_of_frames = pytest.mark.parametrize(
    "subject",
    [one for one in SUBJECTS if not isinstance(one.driver.link, Serial)],
    ids=lambda one: one.name,
)
every_capture = pytest.mark.parametrize(
    ("subject", "case"), CASES, ids=[f"{one.name}-{case.name}" for one, case in CASES]
)


def take(decoder, step):
    """Carry one step out; return what comes of it, described as in ``expected.json``."""
    try:
        match step.action:
            case Action.OPEN:
                return described(decoder.open(step.at))
            case Action.CLOSED:
                return described(decoder.close())
        return described(decoder.feed(step.octets, step.at, step.channel))
    except FrameError as error:
        return [{"rejected": error.thing, "at_ms": (step.at - ZERO) / 1e6}]


def play(decoder, capture):
    return [output for step in capture for output in take(decoder, step)]


def described(outputs):
    return [describe(one) for one in outputs]


def describe(one):
    """Check what holds for every output, and turn it into the form of ``expected.json``."""
    if isinstance(one, Read):
        return {"read": one.channel}
    if isinstance(one, Write):
        return {"write": one.channel, "hex": one.payload.hex()}
    assert one.sensor == SENSOR
    match one:
        case Event():
            form = {"event": one.kind.value, "detail": dict(one.detail)}
            return {**form, "at_ms": (one.at - ZERO) / 1e6}
        case Observation():
            check_observation(one)
            form = {"code": one.code.refid, "value": one.value, "at_ms": (one.at - ZERO) / 1e6}
        case Waveform():
            check_waveform(one)
            form = {
                "code": one.code.refid,
                "samples": one.samples.tolist(),
                "unit_per_count": one.unit_per_count,
                "rate_hz": one.rate_hz,
                "at_ms": (one.start - ZERO) / 1e6,
            }
    optional = {"state", "quality", "device_ns", "backfilled", "follows_gap"}
    values = {field: getattr(one, field.name) for field in fields(one) if field.name in optional}
    return form | {field.name: v for field, v in values.items() if v != field.default}


def check_observation(one):
    assert one.code in codes.ALL
    assert 0 <= one.quality <= 1
    if one.value is None:
        assert one.state is not State.MEASURED, "no number, and no reason for it"
    if one.state is State.MEASURED:
        assert one.code.is_plausible(one.value), "a number that nobody doubts and none can believe"
    if not one.state.is_measurement:
        assert one.quality == 0.0


def check_waveform(one):
    assert one.code in codes.ALL
    assert one.samples.ndim == 1
    assert one.samples.dtype == "int32"
    assert len(one.samples) > 0
    assert one.rate_hz > 0


@every_driver
def test_driver_bears_the_name_it_is_installed_under(subject):
    assert subject.driver.name == subject.name.partition("/")[0]


@every_driver
def test_driver_measures_quantities_the_hub_knows(subject):
    assert subject.driver.yields
    assert set(subject.driver.yields) <= set(codes.ALL)
    assert len(set(subject.driver.yields)) == len(subject.driver.yields)


@every_driver
def test_captures_show_every_quantity_the_driver_yields_and_no_other(subject):
    shown = {
        output.get("code")
        for case in subject.cases
        for output in play(subject.decoder(), steps(case))
        if output.get("value") is not None or output.get("samples")
    }
    assert {code.refid for code in subject.driver.yields} == shown


@every_capture
def test_capture_gives_what_is_expected(subject, case):
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    outputs = play(subject.decoder(), steps(case))
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected, strict=True):
        assert output == {
            key: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            for key, value in wanted.items()
        }


@every_driver
def test_driver_asks_only_for_what_its_link_allows(subject):
    writable = getattr(subject.driver.link, "writable", ("",))
    for case in subject.cases:
        decoder = subject.decoder()
        outputs = play(decoder, steps(case))
        outputs += described(decoder.open(ZERO)) + described(decoder.poll(ZERO))
        outputs += described(decoder.close())
        written = {output["write"] for output in outputs if "write" in output}
        read = {output["read"] for output in outputs if "read" in output}
        assert written <= (set() if isinstance(subject.driver.link, Modbus) else set(writable))
        assert read <= (set(subject.channels) if isinstance(subject.driver.link, Gatt) else set())


@every_driver
def test_decoder_may_be_closed_before_it_was_opened_and_opened_twice(subject):
    decoder = subject.decoder()
    list(decoder.close())
    assert described(decoder.open(ZERO)) == described(decoder.open(ZERO))


@every_driver_of_frames
def test_channel_that_is_not_the_driver_s_is_refused(subject):
    with pytest.raises(FrameError):
        list(subject.decoder().feed(b"\x00" * 8, ZERO, "elsewhere"))


def stream(case):
    return b"".join(step.octets for step in steps(case))


def cut(octets, places):
    """Feed a stream cut at ``places``, all of it at one moment."""
    edges = [0, *sorted(places), len(octets)]
    return [
        Step(ZERO, Action.RECEIVED, "", octets[begin:end])
        for begin, end in itertools.pairwise(edges)
    ]


@every_serial_driver
@pytest.mark.parametrize("seed", range(20))
def test_any_split_of_a_stream_gives_the_same_seed(subject, seed):
    rng = random.Random(seed)
    for case in subject.cases:
        octets = stream(case)
        whole = play(subject.decoder(), cut(octets, []))
        places = rng.choices(range(len(octets) + 1), k=rng.randrange(1, 200))
        assert play(subject.decoder(), cut(octets, places)) == whole
        assert play(subject.decoder(), cut(octets, range(1, len(octets)))) == whole


@every_serial_driver
@given(st.data())
def test_any_split_of_a_stream_gives_the_same(subject, data):
    octets = stream(data.draw(st.sampled_from(subject.cases)))
    places = data.draw(st.lists(st.integers(0, len(octets)), max_size=30))
    assert play(subject.decoder(), cut(octets, places)) == play(subject.decoder(), cut(octets, []))


def noise(subject, rng):
    """Give octets that are no frame, or a frame of a capture with something wrong in it."""
    channel = rng.choice(subject.channels)
    if rng.random() < 0.5:
        return Step(ZERO, Action.RECEIVED, channel, rng.randbytes(rng.randrange(0, 300)))
    frames = [step for step in steps(rng.choice(subject.cases)) if step.octets]
    frame = rng.choice(frames)
    octets = bytearray(frame.octets)
    for _ in range(rng.randrange(1, 4)):
        octets[rng.randrange(len(octets))] = rng.randrange(256)
    octets = octets[: rng.randrange(1, len(octets) + 1)] if rng.random() < 0.5 else octets
    return Step(ZERO, Action.RECEIVED, rng.choice([frame.channel, channel]), bytes(octets))


@every_driver
@pytest.mark.parametrize("seed", range(5))
def test_noise_raises_only_frame_errors_and_leaves_the_decoder_working_seed(subject, seed):
    rng = random.Random(seed)
    for case in subject.cases:
        capture = list(steps(case))
        decoder = subject.decoder()
        for _ in range(100):
            take(decoder, noise(subject, rng))
        decoder.open(ZERO)
        after = {output.get("code") for output in play(decoder, capture)}
        assert {output.get("code") for output in play(subject.decoder(), capture)} <= after


@every_driver_of_frames
@pytest.mark.parametrize("seed", range(5))
def test_frame_that_is_refused_changes_nothing_seed(subject, seed):
    rng = random.Random(seed)
    refused = 0
    for case in subject.cases:
        capture = list(steps(case))
        decoder, outputs = subject.decoder(), []
        for step in capture:
            for _ in range(10):
                tried = copy.deepcopy(decoder)
                if [output.keys() for output in take(tried, noise(subject, rng))] == [REFUSED]:
                    decoder, refused = tried, refused + 1
            outputs += take(decoder, step)
        assert outputs == play(subject.decoder(), capture)
    assert refused > 0


@every_driver
@given(st.data())
def test_arbitrary_octets_raise_only_frame_errors(subject, data):
    decoder = subject.decoder()
    pieces = st.tuples(st.sampled_from(subject.channels), st.binary(max_size=260))
    for channel, octets in data.draw(st.lists(pieces, max_size=8)):
        take(decoder, Step(ZERO, Action.RECEIVED, channel, octets))
