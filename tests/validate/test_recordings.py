import numpy as np
import pytest

from edge_agent.errors import EdgeError
from edge_agent.validate.ecg import noise, recordings
from edge_agent.validate.software import quiet
from tests.validate.conftest import ecg, needs_bench, write_record

pytestmark = needs_bench


def record(tmp_path, signal, **kwargs):
    with quiet():
        write_record(tmp_path, "r", signal, 360, **kwargs)
    return recordings.read(tmp_path, "r")


def test_a_record_has_its_signal_beats_rhythms_and_flutter(tmp_path):
    made = ecg(360.0, 20.0, ventricular=5)
    one = record(
        tmp_path, made.signal, beats=made.beats, symbols=made.symbols,
        notes=[(5, "(AFIB"), (3000, "["), (3600, "]"), (4000, "(N")],
    )  # fmt: skip
    assert one.rate_hz == 360.0
    assert one.signal_mV == pytest.approx(made.signal, abs=0.0006)
    assert one.beats.tolist() == made.beats.tolist()
    assert list(one.symbols) == made.symbols
    assert one.rhythms == ((5, "(AFIB"), (4000, "(N"))
    assert one.flutter == ((3000, 3600),)


def test_missing_samples_are_held_and_counted(tmp_path):
    signal = np.linspace(0.0, 1.0, 3600)
    signal[1000:1100] = np.nan
    one = record(tmp_path, signal)
    assert one.replaced == 100
    assert np.ptp(one.signal_mV[999:1100]) == 0.0


def test_records_come_from_the_index_or_from_the_headers(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.hea").touch()
    (tmp_path / "a.atr").touch()
    assert recordings.record_names(tmp_path) == ["a", "b", "c"]
    assert recordings.record_names(tmp_path, annotated=True) == ["a"]
    (tmp_path / "RECORDS").write_text("c\nb\nabsent\n")
    assert recordings.record_names(tmp_path) == ["c", "b"]


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "x.hea").write_text("x 1 360 1000\nx.dat 212 200 11 1024 0 0 0 MLII\n")
    with pytest.raises(EdgeError, match=r"record .*x.* can't be read"):
        recordings.read(tmp_path, "x")


def test_resampling_keeps_the_time_of_every_sample():
    ramp = np.arange(3600.0) / 360.0
    slow = recordings.resampled(ramp, 360.0, 130.0)
    assert slow == pytest.approx(np.arange(slow.size) / 130.0)


def test_labels_of_strips(tmp_path):
    assert recordings.labels(tmp_path) == {}
    (tmp_path / "REFERENCE.csv").write_text("A1,N\nA2,~\n")
    assert recordings.labels(tmp_path) == {"A1": "N", "A2": "~"}


def test_noise_is_found_by_the_first_word_of_its_name(small_recordings):
    assert sorted(noise.find(small_recordings / "nstdb")) == ["bw", "em", "ma"]
    assert noise.find(small_recordings / "absent") == {}


def test_noise_starts_after_the_learning_period_and_comes_every_other_two_minutes(
    small_recordings,
):
    one = recordings.read(small_recordings / "mitdb", "901")
    added = noise.noisy(one, noise.find(small_recordings / "nstdb")["ma"], 0.0) - one.signal_mV
    minutes = [np.ptp(part) > 0.01 for part in np.split(added[: 600 * 360], 10)]
    assert minutes == [False] * 5 + [True, True, False, False, True]
    assert np.max(np.abs(np.diff(added[420 * 360 - 1 : 540 * 360]))) == pytest.approx(0.0, abs=1e-9)


def test_six_decibels_less_noise_is_half_of_it(small_recordings):
    one = recordings.read(small_recordings / "mitdb", "901")
    source = noise.find(small_recordings / "nstdb")["em"]
    loud = noise.noisy(one, source, 0.0) - one.signal_mV
    soft = noise.noisy(one, source, 20.0) - one.signal_mV
    np.testing.assert_allclose(loud, 10.0 * soft, rtol=0.0, atol=1e-9)


def test_signal_to_noise_ratio_is_that_of_a_sine_as_high_as_a_qrs(small_recordings):
    one = recordings.read(small_recordings / "mitdb", "901")
    source = noise.find(small_recordings / "nstdb")["ma"]
    added = noise.noisy(one, source, 0.0) - one.signal_mV
    rms = added[300 * 360 : 420 * 360].std()
    height = np.ptp(one.signal_mV[one.beats[5] - 18 : one.beats[5] + 18])
    assert rms == pytest.approx(height / np.sqrt(8.0), rel=0.05)
