import math

import numpy as np
import pytest

from edge_agent.errors import EdgeError
from edge_mocks.recording import RecordedEcg, read_record

RATE_HZ = 360


def packed_212(counts):
    out = bytearray()
    for first, second in zip(counts[::2], counts[1::2], strict=True):
        a, b = first & 0xFFF, second & 0xFFF
        out += bytes([a & 0xFF, a >> 8 | (b >> 8) << 4, b & 0xFF])
    return bytes(out)


def annotation(code, step):
    return (code << 10 | step).to_bytes(2, "little")


@pytest.fixture
def sine():
    time = np.arange(RATE_HZ * 10) / RATE_HZ
    return np.sin(2 * math.pi * 5 * time)  # millivolts


@pytest.fixture
def record_212(tmp_path, sine):
    """Two interleaved leads, baseline 1024, 200 counts per mV, five beats a second apart."""
    lead = np.rint(sine * 200 + 1024).astype(int)
    both = np.stack([lead, np.full_like(lead, -1000)], axis=1).ravel().tolist()
    (tmp_path / "tiny.dat").write_bytes(packed_212(both))
    (tmp_path / "tiny.hea").write_text(
        f"tiny 2 {RATE_HZ} {len(lead)}\n"
        "tiny.dat 212 200 11 1024 995 0 0 MLII\n"
        "tiny.dat 212 200 11 1024 1011 0 0 V1\n# a comment\n"
    )
    rhythm = annotation(28, 5) + annotation(63, 3) + b"(N\0\0"
    beats = annotation(1, 355) + annotation(5, 360) + annotation(59, 0)
    beats += (0).to_bytes(2, "little") + (100).to_bytes(2, "little") + annotation(1, 260)
    (tmp_path / "tiny.atr").write_bytes(rhythm + beats + annotation(14, 10) + bytes(2))
    return tmp_path / "tiny.hea"


def test_format_212_gives_the_first_lead_in_microvolts(record_212, sine):
    record = read_record(record_212)
    assert record.rate_hz == RATE_HZ
    assert np.max(np.abs(record.microvolts - sine * 1000)) <= 2.6  # half a count


def test_beats_come_from_the_annotations_and_rhythm_marks_do_not_count(record_212):
    assert read_record(record_212).beats.tolist() == [360, 720, 1080]


def test_format_16_honours_baseline_unit_and_byte_offset(tmp_path):
    counts = np.array([-166854 + 200000, 0, 10000, -10000]).clip(-32768, 32767)
    (tmp_path / "r.dat").write_bytes(b"skip" + counts.astype("<i2").tobytes())
    (tmp_path / "r.hea").write_text("r 1 500 4\nr.dat 16+4 10000.0(100)/uV 16 0 0 0 0 ECG\n")
    record = read_record(tmp_path / "r.hea")
    assert record.microvolts == pytest.approx((counts - 100) / 10000)
    assert len(record.beats) == 0


def test_resampling_to_130_hz_keeps_a_5_hz_sine(record_212):
    player = RecordedEcg(record_212, rate_hz=130)
    played = player.read(1200)
    expected = 1000 * np.sin(2 * math.pi * 5 * np.arange(1200) / 130)
    assert np.max(np.abs(played - expected)[30:-30]) < 10
    assert player.beat_times.tolist() == [1.0, 2.0, 3.0]


def test_a_loop_marks_its_seams_and_repeats_its_beats(record_212):
    player = RecordedEcg(record_212, rate_hz=130, seam_s=1.0)
    played = np.concatenate([player.read(73) for _ in range(40)])
    assert player.seams == (11.0, 22.0)
    assert not played[130 * 10 + 1 : 130 * 11].any()
    assert played[130 * 11 : 130 * 12] == pytest.approx(played[:130], abs=1)
    assert player.beat_times.tolist() == [1.0, 2.0, 3.0, 12.0, 13.0, 14.0]


def test_a_single_play_ends(record_212):
    player = RecordedEcg(record_212, rate_hz=130, loop=False)
    assert len(player.read(1200)) == 1200
    assert len(player.read(1200)) == 100
    assert len(player.read(1200)) == 0
    assert player.seams == ()


@pytest.mark.parametrize(
    "header", ["r 1 500 4\nr.dat 80 1 16 0\n", "nonsense\n", "", "r 1 500 4\nr.dat 16 1/mmHg\n"]
)
def test_a_record_that_cannot_be_read_says_so(tmp_path, header):
    (tmp_path / "r.hea").write_text(header)
    (tmp_path / "r.dat").write_bytes(bytes(8))
    with pytest.raises(EdgeError, match=r"recording .*r\.hea"):
        read_record(tmp_path / "r.hea")


def test_a_missing_record_says_so(tmp_path):
    with pytest.raises(EdgeError, match="No such file"):
        read_record(tmp_path / "absent.hea")


def test_a_real_record_plays_with_its_annotated_beats(pytestconfig):
    header = pytestconfig.rootpath.parent / "shared/data/ecg/mitdb/101.hea"
    if not header.exists():
        pytest.skip("shared data not here")
    player = RecordedEcg(header, rate_hz=130)
    signal = player.read(130 * 60)
    beats = player.beat_times
    assert 60 < len(beats) < 80
    near = [np.max(signal[round(beat * 130) - 6 : round(beat * 130) + 7]) for beat in beats[1:-1]]
    assert np.median(near) > 3 * np.median(np.abs(signal))
