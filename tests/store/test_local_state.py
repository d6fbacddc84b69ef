import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.errors import EdgeError, SealError, StoreError
from edge_agent.store import local_state
from edge_agent.store.local_state import LARGEST_OCTETS, LocalState, Protection

SECRET = b"creatinine 1.1 mg/dL"


@pytest.fixture
def credentials(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "device-key").write_bytes(bytes(range(32)))
    return folder


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read_by_the_next_process(tmp_path):
    LocalState.open(tmp_path, {}).write("person", SECRET)
    assert LocalState.open(tmp_path, {}).read("person") == SECRET


def test_what_was_never_written_is_none_and_leaves_no_trace(tmp_path):
    assert LocalState.open(tmp_path / "state", {}).read("person") is None
    assert not (tmp_path / "state").exists()


def test_nothing_readable_is_on_the_disk(tmp_path):
    LocalState.open(tmp_path, {}).write("person", SECRET)
    assert all(SECRET not in one.read_bytes() for one in tmp_path.iterdir())
    assert all(SECRET[:10] not in one.read_bytes() for one in tmp_path.iterdir())


def test_only_the_owner_may_read_any_of_it(tmp_path):
    state = LocalState.open(tmp_path / "state", {})
    state.write("person", SECRET)
    assert mode(tmp_path / "state") == 0o700
    assert {mode(one) for one in (tmp_path / "state").iterdir()} == {0o600}


def test_the_same_octets_are_sealed_differently_each_time(tmp_path):
    state = LocalState.open(tmp_path, {})
    sealed = set()
    for _ in range(8):
        state.write("person", SECRET)
        sealed.add(state.path("person").read_bytes())
    assert len(sealed) == 8


def test_protection_says_where_the_key_is(tmp_path, credentials):
    assert LocalState.open(tmp_path, {}).protection is Protection.KEY_FILE
    given_one = LocalState.open(tmp_path, {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert given_one.protection is Protection.CREDENTIAL
    (credentials / "device-key").unlink()
    assert given_one.protection is Protection.KEY_FILE
    assert [one.value for one in Protection] == ["systemd credential", "key file beside the data"]


def test_with_a_credential_no_key_is_written_to_the_disk(tmp_path, credentials):
    state = LocalState(tmp_path / "state", credentials)
    state.write("person", SECRET)
    assert state.read("person") == SECRET
    assert {one.name for one in (tmp_path / "state").iterdir()} == {
        "person.sealed",
        ".local-state.lock",
    }


def test_a_credential_may_be_readable_by_an_access_list(tmp_path, credentials):
    (credentials / "device-key").chmod(0o440)
    state = LocalState(tmp_path / "state", credentials)
    state.write("person", SECRET)
    assert state.read("person") == SECRET


def test_a_credential_that_comes_later_opens_the_old_and_seals_the_new(tmp_path, credentials):
    folder = tmp_path / "state"
    LocalState(folder).write("person", SECRET)
    later = LocalState(folder, credentials)
    assert later.read("person") == SECRET
    later.update("person", lambda octets: octets + b"!")
    (folder / "device.key").unlink()
    assert later.read("person") == SECRET + b"!"


def test_without_its_key_a_blob_is_refused_and_left_where_it_is(tmp_path, credentials):
    folder = tmp_path / "state"
    LocalState(folder, credentials).write("person", SECRET)
    without = LocalState(folder)
    with pytest.raises(SealError, match="a device key that is not here") as caught:
        without.read("person")
    assert "credential device-key" in caught.value.next_step
    with pytest.raises(SealError):
        without.update("person", lambda _: b"other")
    assert LocalState(folder, credentials).read("person") == SECRET


def test_a_blob_of_a_lost_key_is_set_aside_when_another_is_written(tmp_path):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    old = state.path("person").read_bytes()
    (tmp_path / "device.key").unlink()
    state.write("person", b"new")
    assert state.read("person") == b"new"
    assert state.aside("person").read_bytes() == old


@pytest.mark.parametrize(
    "damage",
    [
        lambda octets: b"",
        lambda octets: b"{}" + octets,
        lambda octets: octets[:30],
        lambda octets: octets[:-1],
        lambda octets: octets + b"x",
        lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]),
        lambda octets: octets[:25] + bytes([octets[25] ^ 1]) + octets[26:],
        lambda octets: octets.replace(b"edge-local\x00\x01", b"edge-local\x00\x02"),
        lambda octets: octets + bytes(LARGEST_OCTETS),
    ],
    ids=["empty", "foreign", "cut", "short", "long", "tag", "nonce", "version", "huge"],
)
def test_a_damaged_blob_is_refused_in_words_and_set_aside(tmp_path, damage):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    state.path("person").write_bytes(damage(state.path("person").read_bytes()))
    with pytest.raises(SealError, match=r"set aside as person\.sealed\.aside"):
        state.read("person")
    assert state.read("person") is None
    assert state.aside("person").exists()
    state.write("person", b"again")
    assert state.read("person") == b"again"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_no_change_of_any_octet_opens(tmp_path, data):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    octets = bytearray(state.path("person").read_bytes())
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    state.path("person").write_bytes(octets)
    with pytest.raises(SealError):
        state.read("person")


def test_a_blob_renamed_into_another_does_not_open(tmp_path):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    state.path("person").rename(state.path("twin"))
    with pytest.raises(SealError, match="renamed"):
        state.read("twin")


def test_a_change_that_fails_or_gives_nothing_leaves_what_was_there(tmp_path):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    state.update("person", lambda _: None)
    with pytest.raises(ZeroDivisionError):
        state.update("person", lambda _: bytes(1 // 0))
    assert state.read("person") == SECRET


def test_removing_takes_everything_of_that_name_and_nothing_else(tmp_path):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    state.write("twin", b"twin")
    state.path("person").rename(state.aside("person"))
    (tmp_path / ".person.sealed.abc").write_bytes(b"left by a killed writer")
    assert state.remove("person")
    assert not state.remove("person")
    assert not [one for one in tmp_path.iterdir() if "person" in one.name]
    assert state.read("twin") == b"twin"
    assert not LocalState(tmp_path / "never").remove("person")


@pytest.mark.parametrize("name", ["", "Person", "a/b", "..", "a" * 33, "a.b"])
def test_a_name_is_a_plain_word(tmp_path, name):
    with pytest.raises(StoreError, match="not a name"):
        LocalState(tmp_path).write(name, SECRET)


def test_a_blob_has_a_largest_size(tmp_path):
    with pytest.raises(StoreError, match="are more than"):
        LocalState(tmp_path).write("person", bytes(LARGEST_OCTETS + 1))


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    (tmp_path / "device.key").chmod(0o644)
    with pytest.raises(SealError, match="open to others"):
        state.read("person")


def test_a_key_of_another_length_is_refused(tmp_path, credentials):
    (credentials / "device-key").write_bytes(b"short")
    with pytest.raises(SealError, match="5 octets long, a device key has 32"):
        LocalState(tmp_path / "state", credentials).write("person", SECRET)


def test_a_folder_of_another_user_gets_no_files_that_its_owner_can_not_read(tmp_path, monkeypatch):
    other = os.geteuid() + 1
    monkeypatch.setattr(local_state.os, "geteuid", lambda: other)
    with pytest.raises(StoreError, match="belongs to user") as caught:
        LocalState(tmp_path).write("person", SECRET)
    assert "sudo -u" in caught.value.next_step
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["read", "write", "remove"])
def test_a_folder_that_is_in_the_way_is_an_error_in_words(tmp_path, step):
    state = LocalState(tmp_path)
    state.path("person").mkdir()
    arguments = ("person", SECRET) if step == "write" else ("person",)
    with pytest.raises(EdgeError, match="sealed file"):
        getattr(state, step)(*arguments)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    state = LocalState(tmp_path)
    state.write("person", SECRET)

    def full(_path, _octets):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local_state, "write_whole", full)
    with pytest.raises(StoreError, match="No space left"):
        state.write("person", b"new")
    assert state.read("person") == SECRET


WRITER = """
import os, pathlib, signal, sys
from edge_agent.store.local_state import LocalState
state = LocalState(pathlib.Path(sys.argv[1]))
pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
state.write("person", b"new")
"""


def test_a_writer_killed_before_its_rename_leaves_the_old_and_the_next_cleans_up(tmp_path):
    state = LocalState(tmp_path)
    state.write("person", SECRET)
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".person.sealed.*"))) == 1
    assert LocalState(tmp_path).read("person") == SECRET
    state.write("person", b"newer")
    assert not list(tmp_path.glob(".person.sealed.*"))
    assert state.read("person") == b"newer"


COUNTER = """
import pathlib, sys
from edge_agent.store.local_state import LocalState
state = LocalState(pathlib.Path(sys.argv[1]))
for _ in range(20):
    state.update("count", lambda octets: str(int(octets or b"0") + 1).encode())
"""


def test_processes_that_change_one_blob_do_not_lose_a_change_or_draw_two_keys(tmp_path):
    command = [sys.executable, "-c", COUNTER, str(tmp_path)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [one.wait(timeout=60) for one in running] == [0, 0, 0]
    assert LocalState(tmp_path).read("count") == b"60"
