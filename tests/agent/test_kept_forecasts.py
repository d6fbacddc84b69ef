import asyncio

from edge_agent.clock import VirtualClock
from edge_agent.dsp.glucose import Forecaster
from edge_agent.kept_forecasts import KeptForecasts
from edge_agent.store.subject_files import SubjectFiles

SUBJECT = "00112233445566778899aabbccddeeff"


def grown():
    forecaster = Forecaster()
    for number in range(40):
        forecaster.update(300.0 * number, 120.0 + 10.0 * (number % 7))
    return forecaster


def test_what_was_learnt_is_there_after_a_restart(tmp_path):
    clock, before, after = VirtualClock(), {"cgm": grown()}, {}
    asyncio.run(KeptForecasts(SubjectFiles(tmp_path, SUBJECT), before, clock).write())
    asyncio.run(KeptForecasts(SubjectFiles(tmp_path, SUBJECT), after, clock).take_up())
    assert after["cgm"].state() == before["cgm"].state()


def test_nothing_is_written_where_no_glucose_is_measured(tmp_path):
    asyncio.run(KeptForecasts(SubjectFiles(tmp_path, SUBJECT), {}, VirtualClock()).write())
    after = {}
    asyncio.run(KeptForecasts(SubjectFiles(tmp_path, SUBJECT), after, VirtualClock()).take_up())
    assert after == {}


def test_a_state_that_is_none_is_told_and_no_more(tmp_path, caplog):
    class Broken(Forecaster):
        def state(self):
            return {"version": 0}

    asyncio.run(
        KeptForecasts(SubjectFiles(tmp_path, SUBJECT), {"cgm": Broken()}, VirtualClock()).write()
    )
    after = {}
    asyncio.run(KeptForecasts(SubjectFiles(tmp_path, SUBJECT), after, VirtualClock()).take_up())
    assert after == {}
    assert "version" in caplog.text
