"""Choosing an engine: what is refused before anything is connected to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from drcheck.errors import ConfigError
from drcheck.verify.engines import engine_for
from drcheck.verify.engines.dask import DaskEngine
from drcheck.verify.engines.local import LocalEngine
from tests.verify.engines.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Certificates that could be used."""
    return Authority(tmp_path / "tls")


def test_each_engine_by_its_name(authority: Authority) -> None:
    with engine_for("local") as local:
        assert isinstance(local, LocalEngine)
    with engine_for("dask", scheduler="tls://dask.example:8786", tls_ca=authority.ca, tls_cert=authority.cert, tls_key=authority.key) as dask:
        assert isinstance(dask, DaskEngine)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://127.9.9.9:1", "tcp://[::1]:8786", "tcp://localhost:8786/"])
def test_on_this_machine_a_scheduler_may_be_without_tls(address: str) -> None:
    engine_for("dask", scheduler=address).close()


@pytest.mark.parametrize("address", ["tcp://10.0.0.5:8786", "tcp://dask.example:8786", "tcp://localhost.example:8786", "tcp://[2001:db8::1]:1"])
def test_elsewhere_it_may_not(address: str) -> None:
    with pytest.raises(ConfigError, match=r"without encryption, and not on this machine.*tls://host:port"):
        engine_for("dask", scheduler=address)


@pytest.mark.parametrize(
    "address",
    ["dask.example:8786", "10.0.0.5:8786", "ws://127.0.0.1:8786", "inproc://1", "tls://", "tls://dask.example", "tls://dask.example:port",
     "tls://[::1:8786", "tls://dask.example:8786/path", "tls://dask.example:8786?a=b", "tls://dask.example:0", "tls://\x1b[31m:8786"],
)  # fmt: skip
def test_what_is_no_address_of_a_scheduler_is_refused(address: str, authority: Authority) -> None:
    with pytest.raises(ConfigError, match="write it as tls://host:port") as refused:
        engine_for("dask", scheduler=address, tls_ca=authority.ca, tls_cert=authority.cert, tls_key=authority.key)
    assert "\x1b" not in str(refused.value)


def test_a_password_in_the_address_is_not_repeated(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="holds a user") as refused:
        engine_for("dask", scheduler="tls://user:canary@dask.example:8786", tls_ca=authority.ca, tls_cert=authority.cert, tls_key=authority.key)
    assert "canary" not in str(refused.value)


def test_combinations_that_mean_nothing(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="add --scheduler tls://host:port"):
        engine_for("dask")
    with pytest.raises(ConfigError, match="belong to a scheduler"):
        engine_for("dask", tls_ca=authority.ca)
    with pytest.raises(ConfigError, match="choose --engine dask"):
        engine_for("local", scheduler="tcp://127.0.0.1:8786")
    with pytest.raises(ConfigError, match="TLS needs --tls-cert and --tls-key too"):
        engine_for("dask", scheduler="tls://dask.example:8786", tls_ca=authority.ca)
    with pytest.raises(ConfigError, match="so --tls-key would not be used"):
        engine_for("dask", scheduler="tcp://127.0.0.1:8786", tls_key=authority.key)
    with pytest.raises(ConfigError, match=r"no engine is called 'dusk'.*did you mean"):
        engine_for("dusk")


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    other, locked = Authority(tmp_path / "other"), tmp_path / "locked.pem"
    key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"canary"))
    )
    for ca, cert, private, named in (
        (tmp_path / "none.pem", authority.cert, authority.key, "--tls-ca .*none.pem: No such file"),
        (tmp_path, authority.cert, authority.key, "--tls-ca .*: Is a directory"),
        (authority.key, authority.cert, authority.key, "--tls-ca .*key.pem: is not a certificate"),
        (authority.ca, authority.cert, other.key, "--tls-key .*other/key.pem: do not belong together"),
        (authority.ca, authority.cert, locked, "--tls-key .*locked.pem: .*have a passphrase"),
        (authority.ca, authority.key, authority.key, "--tls-cert .*not in PEM form"),
    ):
        with pytest.raises(ConfigError, match=named):
            engine_for("dask", scheduler="tls://dask.example:8786", tls_ca=ca, tls_cert=cert, tls_key=private)


def test_a_missing_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "drcheck.verify.engines.dask", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'drcheck\[dask\]'"):
        engine_for("dask", scheduler="tcp://127.0.0.1:8786")


def test_dask_is_imported_only_where_it_is_asked_for() -> None:
    names = "[name for name in sys.modules if name.endswith('.dask') or name in ('dask', 'distributed')]"
    program = f"import sys; from drcheck.verify.engines import engine_for; engine_for('local'); print({names})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
