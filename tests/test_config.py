import pytest

from edge_agent import config
from edge_agent.errors import ConfigError

GOOD = """
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
"""


def write(tmp_path, text):
    file = tmp_path / "hub.toml"
    file.write_text(text)
    return file


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    assert str(tmp_path / "hub.toml") in str(caught.value)
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_the_shortest_configuration_gets_safe_defaults(tmp_path):
    settings = config.load(write(tmp_path, GOOD))
    assert settings.hub.summary_interval_s == 60
    assert settings.alarms.spo2_low_percent == 90
    assert settings.collector is None


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path):
    text = GOOD + '[hub]\nstate_dir = "state"\ncontrol_socket = "/run/x/control.sock"\n'
    settings = config.load(write(tmp_path, text))
    assert settings.hub.state_dir == str(tmp_path / "state")
    assert settings.hub.control_socket == "/run/x/control.sock"


def test_every_problem_is_reported_at_once_with_its_key_path(tmp_path):
    found = problems(
        tmp_path,
        """
[hub]
summary_interval = 5
store_quota_mib = "big"
[subject]
pseudonym = "Bob"
[collector]
recipient = "recipient.json"
[[sensor]]
name = "ecg"
driver = 3
adress = "x"
[alarms]
spo2_low_percent = 20
[extra]
""",
    )
    assert set(found) == {
        "hub.summary_interval",
        "hub.store_quota_mib",
        "subject.pseudonym",
        "collector.url",
        "sensor[0].driver",
        "sensor[0].adress",
        "alarms.spo2_low_percent",
        "extra",
    }
    assert "did you mean 'summary_interval_s'?" in found["hub.summary_interval"]
    assert "32 hexadecimal digits" in found["subject.pseudonym"]
    assert ">= 50" in found["alarms.spo2_low_percent"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://clinic.example", "loopback only"),
        ("ftp://clinic.example", "not a web address"),
        ("https://clinic.example:port", "https://host"),
        ("clinic", "not a web address"),
    ],
)
def test_a_url_that_would_leak_or_lead_nowhere_is_refused(tmp_path, url, reason):
    found = problems(tmp_path, GOOD + f'[collector]\nurl = "{url}"\nrecipient = "r.json"\n')
    assert reason in found["collector.url"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://[::1]:80", "https://clinic.example"]
)
def test_loopback_may_be_plain_and_the_network_must_be_https(tmp_path, url):
    text = GOOD + f'[collector]\nurl = "{url}"\nrecipient = "r.json"\n'
    assert config.load(write(tmp_path, text)).collector.url == url


def test_two_sensors_may_not_share_a_name(tmp_path):
    sensor = '[[sensor]]\nname = "a"\ndriver = "nonin-2"\nport = "/dev/x"\n'
    found = problems(tmp_path, GOOD + sensor + sensor)
    assert "also the name of sensor[0]" in found["sensor[1].name"]


def test_limits_that_cross_are_refused(tmp_path):
    text = GOOD + "[alarms]\nheart_rate_low_per_min = 120\nheart_rate_high_per_min = 110\n"
    assert "alarms.heart_rate_low_per_min" in problems(tmp_path, text)


def test_the_limits_of_the_rhythm_have_safe_bounds_and_an_order(tmp_path):
    assert config.load(write(tmp_path, GOOD)).rhythm.asystole_s == 4.0
    wild = "[rhythm]\nasystole_s = 60\nextreme_bradycardia_per_min = 5\n"
    assert set(problems(tmp_path, GOOD + wild)) == {
        "rhythm.asystole_s",
        "rhythm.extreme_bradycardia_per_min",
    }
    crossed = "[rhythm]\npause_s = 5\nasystole_s = 4\n"
    assert "at least as long" in problems(tmp_path, GOOD + crossed)["rhythm.asystole_s"]


def test_a_file_that_is_not_there_or_not_toml_says_so(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        config.load(tmp_path / "none.toml")
    assert "not valid TOML" in problems(tmp_path, "[hub")["(file)"]
    (tmp_path / "hub.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load(tmp_path / "hub.toml")


def test_a_wrong_shape_is_a_problem_and_not_a_crash(tmp_path):
    found = problems(tmp_path, "hub = 3\nsubject = []\nsensor = [1]\n")
    assert {"hub", "subject", "sensor[0]"} <= set(found)


def test_one_sensor_written_as_a_table_says_how_to_write_it(tmp_path):
    found = problems(tmp_path, GOOD + '[sensor]\nname = "a"\n')
    assert "write [[sensor]]" in found["sensor"]


@pytest.mark.parametrize("value", ["inf", "1e9", "0", "-1"])
def test_no_limit_can_be_set_that_switches_supervision_off(tmp_path, value):
    sensor = f'[[sensor]]\nname = "a"\ndriver = "x"\nport = "p"\nstale_after_s = {value}\n'
    assert "sensor[0].stale_after_s" in problems(tmp_path, GOOD + sensor)


def test_a_sensor_may_not_be_stale_between_two_polls(tmp_path):
    sensor = '[[sensor]]\nname = "a"\ndriver = "x"\nport = "p"\npoll_s = 60\nstale_after_s = 90\n'
    assert "less than two polls" in problems(tmp_path, GOOD + sensor)["sensor[0].stale_after_s"]


def test_the_example_s_pseudonym_is_nobody_s(tmp_path):
    found = problems(tmp_path, f'[subject]\npseudonym = "{"0" * 32}"\n')
    assert "nobody's" in found["subject.pseudonym"]


@pytest.mark.parametrize("url", ["https://u:secret@clinic.example", "https://clinic.example/?a=b"])
def test_a_url_holds_no_secret(tmp_path, url):
    text = GOOD + f'[collector]\nurl = "{url}"\nrecipient = "r.json"\n'
    found = problems(tmp_path, text)
    assert "without user, password" in found["collector.url"]
    assert "secret" not in found["collector.url"]


TWO = """
[[subject]]
pseudonym = "00112233445566778899aabbccddeeff"
bed = "window"
[[subject]]
pseudonym = "ffeeddccbbaa99887766554433221100"
bed = "door"
[subject.alarms]
spo2_low_percent = 85
[alarms]
spo2_low_percent = 88
glucose_low_mgdl = 65
"""


def test_a_bed_has_the_hubs_limits_but_for_its_own(tmp_path):
    window, door = config.load(write(tmp_path, TWO)).subject
    assert (window.alarms.spo2_low_percent, door.alarms.spo2_low_percent) == (88, 85)
    assert door.alarms.glucose_low_mgdl == 65


OXIMETER = '[[sensor]]\nname = "o"\ndriver = "nonin-2"\nport = "p"\n'
SAME = ("ffeeddccbbaa99887766554433221100", "00112233445566778899aabbccddeeff")
CROSSED = ("spo2_low_percent = 85", "heart_rate_low_per_min = 150")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (('bed = "door"', 'bed = "window"'), "subject[1].bed"),
        (('bed = "door"', ""), "subject[1].bed"),
        (SAME, "subject[1].pseudonym"),
        (("[alarms]", OXIMETER + "[alarms]"), "sensor[0].bed"),
        (("[alarms]", OXIMETER + 'bed = "dor"\n[alarms]'), "sensor[0].bed"),
        (CROSSED, "subject[1].alarms.heart_rate_low_per_min"),
    ],
)
def test_beds_that_can_not_be_told_apart_are_problems(tmp_path, change, path):
    assert path in problems(tmp_path, TWO.replace(*change))
