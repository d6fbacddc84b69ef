"""A short run of ``make fuzz`` for every driver and every register map."""

import pytest

from edge_agent.codes import SPO2
from edge_agent.driver import Decoder, Driver, Serial
from tests.every_driver import SUBJECTS, UnderTest
from tests.fuzz.engine import Finding, fuzz


@pytest.mark.parametrize("seed", [20_263])
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_nothing_but_frame_errors_comes_out_seed(subject, seed):
    outcome = fuzz(subject, seed, 4_000)
    assert outcome.inputs == 4_000
    assert 0 <= outcome.refused < outcome.inputs


class Careless(Decoder):
    def feed(self, data, at, channel=""):
        return [data[3]]


def test_the_fuzzer_finds_a_careless_decoder():
    like = next(one for one in SUBJECTS if isinstance(one.driver.link, Serial))
    driver = Driver(name="careless", title="", link=Serial(), decoder=Careless, measures=(SPO2,))
    with pytest.raises(Finding, match="IndexError"):
        fuzz(UnderTest("careless", driver, like.folder), 1, 4_000)
