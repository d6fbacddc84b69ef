"""Drivers from elsewhere: a broken one costs itself, and no other."""

import pytest

from edge_agent import registry, shelf
from edge_agent.driver import Driver, ProfiledDriver

BROKEN = "[edge_agent.drivers]\nbroken = no_such_module:DRIVER\nnumber = math:pi\n"


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Install a package whose drivers can't be loaded, as pip would leave it."""
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(("name", "why"), [("broken", "no_such_module"), ("number", "no Driver")])
def test_a_driver_that_cannot_be_loaded_says_why(name, why):
    with pytest.raises(registry.DriverError, match=why):
        registry.find(name)


@pytest.mark.usefixtures("broken")
def test_the_others_are_there_all_the_same(caplog):
    usable = {one.name for one in registry.usable()}
    assert "cgm" in usable
    assert not usable & {"broken", "number"}
    assert "no_such_module" in caplog.text


@pytest.mark.usefixtures("broken")
def test_the_list_of_drivers_shows_what_is_wrong():
    listed = {one.name: one for one in shelf.families()}
    assert "can't be loaded" in listed["broken"].title
    assert listed["cgm"].measures == ["glucose"]


def test_a_family_of_somebody_else_s_is_not_shown_with_this_hub_s_profiles(monkeypatch):
    def complete(table):
        raise ValueError("zones: missing")

    driver = ProfiledDriver(name="zones", title="zones", complete=complete)
    monkeypatch.setattr(registry, "find", lambda _: driver)
    shown = shelf.family("zones")
    assert (shown.profiles, shown.measures) == ([], [])


def test_every_driver_of_the_hub_can_be_loaded():
    loaded = list(registry.usable())
    assert len(loaded) == len(registry.names())
    assert all(isinstance(one, Driver | ProfiledDriver) for one in loaded)
