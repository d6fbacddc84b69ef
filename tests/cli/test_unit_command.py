"""``edge-agent unit``: what it writes, what it says, and what it leaves alone."""

import pytest
from click.testing import CliRunner

from edge_agent.cli.unit import command
from edge_agent.errors import EdgeError
from edge_agent.service_files import SERVICE_FILES


def unit(*arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_install_writes_every_file_says_so_and_names_the_next_command(tmp_path):
    done = unit("install", "--root", tmp_path)
    assert files(tmp_path) == {one.admin for one in SERVICE_FILES}
    for one in SERVICE_FILES:
        assert f"wrote {tmp_path / one.admin}" in done.output
        assert (tmp_path / one.admin).stat().st_mode & 0o777 == 0o644
    assert "systemctl enable --now edge-agent" in done.output
    assert "config check /etc/edge-agent/hub.toml" in done.output


def test_the_installed_unit_starts_the_program_of_this_environment(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", "/srv/hub")
    unit("install", "--root", tmp_path)
    text = (tmp_path / "etc/systemd/system/edge-agent.service").read_text()
    assert "ExecStart=/srv/hub/bin/edge-agent run --config /etc/edge-agent/hub.toml" in text


def test_a_second_install_changes_nothing_and_an_edited_file_is_put_right(tmp_path):
    unit("install", "--root", tmp_path)
    assert "in place already" in unit("install", "--root", tmp_path).output
    path = tmp_path / "etc/systemd/system/edge-agent.service"
    wanted = path.read_text()
    path.write_text("[Service]\n")
    assert f"wrote {path}" in unit("install", "--root", tmp_path).output
    assert path.read_text() == wanted


def test_remove_takes_away_what_install_wrote_and_nothing_else(tmp_path):
    unit("install", "--root", tmp_path)
    config = tmp_path / "etc/edge-agent/hub.toml"
    config.parent.mkdir()
    config.write_text("mine")
    done = unit("remove", "--root", tmp_path)
    assert files(tmp_path) == {"etc/edge-agent/hub.toml"}
    assert "not delivered" in done.output
    assert "nothing to remove" in unit("remove", "--root", tmp_path).output


def test_a_hub_from_the_debian_package_is_left_alone(tmp_path):
    packaged = tmp_path / SERVICE_FILES[0].package
    packaged.parent.mkdir(parents=True)
    packaged.write_text("[Service]\n")
    with pytest.raises(EdgeError, match="the Debian package has brought the service"):
        unit("install", "--root", tmp_path)
    assert files(tmp_path) == {SERVICE_FILES[0].package}


def test_show_prints_one_file_or_all_with_their_places():
    assert unit("show", "edge-agent.service").output.startswith("[Unit]")
    everything = unit("show").output
    for one in SERVICE_FILES:
        assert f"# /{one.admin}\n" in everything
    with pytest.raises(EdgeError, match="no file of the service"):
        unit("show", "nothing.conf")
