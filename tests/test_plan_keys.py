"""A hub starts only with the keys that its configuration means: nothing falls back by itself."""

import pytest

from edge_agent.errors import ConfigError
from edge_agent.plan import plan
from edge_agent.store.keys import RecipientKey
from edge_agent.store.suites import Suite

CONFIG = """
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
[collector]
url = "https://clinic.example"
recipient = "recipient.json"
"""


def planned(folder, extra, clinic, recovery=None):
    clinic.public.save(folder / "recipient.json")
    if recovery is not None:
        recovery.public.save(folder / "recovery.json")
        extra += 'recovery = "recovery.json"\n'
    file = folder / "hub.toml"
    file.write_text(CONFIG + extra)
    return plan(file).recipients


def problems(*arguments):
    with pytest.raises(ConfigError) as caught:
        planned(*arguments)
    return {one.path: str(one) for one in caught.value.problems}


def test_an_x25519_key_is_taken_only_where_it_was_asked_for(tmp_path):
    small = RecipientKey.generate(Suite.X25519)
    found = problems(tmp_path, "", small)
    assert "is of suite x25519, and collector.suite is x-wing" in found["collector.recipient"]
    assert planned(tmp_path, 'suite = "x25519"\n', small).suite is Suite.X25519


def test_records_are_sealed_to_the_recovery_key_that_is_configured(tmp_path):
    clinic, recovery = RecipientKey.generate(), RecipientKey.generate()
    to = planned(tmp_path, "", clinic, recovery)
    assert to.all == (clinic.public, recovery.public)
    assert planned(tmp_path, "", clinic).recovery is None


def test_a_recovery_key_of_the_weaker_suite_or_the_collectors_own_is_a_problem(tmp_path):
    clinic = RecipientKey.generate()
    found = problems(tmp_path, "", clinic, RecipientKey.generate(Suite.X25519))
    assert "is of suite x25519" in found["collector.recovery"]
    assert "is the collector's own" in problems(tmp_path, "", clinic, clinic)["collector.recovery"]
