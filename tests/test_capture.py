import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.capture import Action, Capture, CaptureError, Step, parse, scrubbed

ADDRESS = "A0:9E:1A:12:34:56"
UUID = "00002a37-0000-1000-8000-00805f9b34fb"


def received(octets, channel="", at_ns=0):
    return Step(at_ns=at_ns, action=Action.RECEIVED, channel=channel, octets=octets)


steps = st.builds(
    Step,
    at_ns=st.integers(0, 10**15).map(lambda us: us // 1000 * 1000),
    action=st.sampled_from([Action.RECEIVED, Action.SENT]),
    channel=st.sampled_from(["", UUID, "block0", "fb005c82-02e7-f387-1cad-8acd2d8df0c8"]),
    octets=st.binary(max_size=40),
)


@given(st.lists(steps))
def test_what_is_written_reads_the_same(some):
    in_order = sorted(some, key=lambda one: one.at_ns)
    capture = Capture(driver="cgm", profile="", steps=tuple(in_order))
    assert parse(str(capture)) == capture


def test_a_capture_is_made_for_people():
    capture = Capture(
        driver="modbus-room", profile="xy-md02",
        steps=(
            Step(at_ns=0, action=Action.OPEN),
            received(b"\x10\x4b", UUID, 20_500_000),
            Step(at_ns=21_000_000, action=Action.SENT, octets=b"\x7d"),
            Step(at_ns=10**10, action=Action.CLOSED),
        ),
    )  # fmt: skip
    assert str(capture).splitlines() == [
        "# driver: modbus-room",
        "# profile: xy-md02",
        "0 open",
        "20.5 < 2a37 104b",
        "21 > - 7d",
        "10000 close",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "1",
        "x open",
        "1 < 2a37 1",
        "1 ? - 00",
        "1 open now",
        "1 < - gg",
        "nan open",
        "-1 open",
        "inf < - 00",
    ],
)
def test_a_line_that_makes_no_sense_is_named(line):
    with pytest.raises(CaptureError, match=r"broken\.hex, line 2"):
        parse(f"0 open\n{line}\n", "broken.hex")


@given(st.text(max_size=200))
def test_any_text_reads_or_is_refused(text):
    with contextlib.suppress(CaptureError):
        parse(text)


@pytest.mark.parametrize(
    "hidden",
    [
        bytes.fromhex("a09e1a123456"),
        bytes.fromhex("5634121a9ea0"),
        b"A0:9E:1A:12:34:56",
        b"a09e1a123456",
        b"a0-9e-1a-12-34-56",
    ],
)
@pytest.mark.parametrize("channel", [UUID, ""])
def test_an_address_is_blanked_however_it_is_spelt(hidden, channel):
    capture = Capture(steps=(received(b"\x01" + hidden + b"\x02", channel),))
    clean = scrubbed(capture, None, [ADDRESS]).steps[0].octets
    assert clean == b"\x01" + bytes(len(hidden)) + b"\x02"


@pytest.mark.parametrize("seed", range(20))
def test_a_serial_number_cut_by_reads_of_the_line_is_blanked_seed(seed):
    def scrub(octets, channel):
        return octets.replace(b"SN=0000056661", b"SN=" + bytes(10))

    rng, line = random.Random(seed), b"t SN=0000056661 SPO2=098%\r\n" * 5
    cuts = sorted(rng.choices(range(len(line)), k=12))
    pieces = [line[a:b] for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True)]
    clean = scrubbed(Capture(steps=tuple(map(received, pieces))), scrub, [])
    assert b"".join(step.octets for step in clean.steps) == scrub(line, "")
    assert [len(step.octets) for step in clean.steps] == [len(piece) for piece in pieces]


def test_a_scrub_that_changes_a_length_is_refused():
    with pytest.raises(CaptureError, match="changes lengths"):
        scrubbed(Capture(steps=(received(b"abc", UUID),)), lambda octets, _: octets[1:], [])
