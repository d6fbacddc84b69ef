import ssl

import pytest

from edge_agent.link.tls import Tls, TlsFileError
from tests.certificates import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "pki")


def problem(**files):
    with pytest.raises(TlsFileError) as caught:
        Tls(**files).context()
    return caught.value


def test_server_is_verified_by_name_with_tls_1_2_at_least(authority):
    for tls in (Tls(), Tls(ca=authority.file)):
        context = tls.context()
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_only_the_authority_that_is_given_is_trusted(authority):
    context = Tls(ca=authority.file).context()
    assert [one["subject"][0][0][1] for one in context.get_ca_certs()] == ["authority"]


def test_own_certificate_and_key_are_read(authority):
    certificate, key = authority.issue("hub")
    Tls(ca=authority.file, certificate=certificate, key=key).context()


@pytest.mark.parametrize("key", ["ca", "certificate", "key"])
def test_file_that_is_missing_is_named(authority, tmp_path, key):
    certificate, private = authority.issue("hub")
    files = {"ca": authority.file, "certificate": certificate, "key": private}
    error = problem(**{**files, key: str(tmp_path / "absent.pem")})
    assert (error.key, error.reason) == (key, "no such file or directory")
    assert "absent.pem" in str(error)


def test_authority_that_is_none_is_named(authority):
    _, key = authority.issue("hub")
    error = problem(ca=key)
    assert (error.key, error.reason) == ("ca", "holds no certificate")


def test_key_of_another_certificate_is_named(authority):
    certificate, _ = authority.issue("hub")
    _, key = authority.issue("other")
    error = problem(certificate=certificate, key=key)
    assert error.key == "key"
    assert error.reason == f"does not belong to {certificate}"


def test_certificate_and_key_that_are_swapped_are_named(authority):
    certificate, key = authority.issue("hub")
    error = problem(certificate=key, key=certificate)
    assert (error.key, error.reason) == ("certificate", "holds no certificate")


def test_key_that_holds_none_is_named(authority):
    certificate, _ = authority.issue("hub")
    error = problem(certificate=certificate, key=certificate)
    assert (error.key, error.reason) == ("key", "holds no key that can be read")


def test_key_with_a_password_is_refused_and_asks_nobody(authority, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked for a password"))
    certificate, key = authority.issue("hub", password=b"secret")
    error = problem(certificate=certificate, key=key)
    assert (error.key, error.reason) == ("key", "holds no key that can be read")
    assert "without a password" in error.next_step
