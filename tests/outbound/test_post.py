"""One POST to a stranger: to the address that was checked and no other, bounded in time and size, without redirects."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger_service.outbound.connection import look_up
from ledger_service.outbound.post import Answer, Outbound
from tests import receiver as behaves
from tests.receiver import Receiver, receiving

BODY = b'{"type":"return.state_changed"}'
NAME = "hooks.example.com"


class Names:
    """A resolver with a fake zone: each look-up of a name gives its next answer, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def local(*answers: list[str], **rules: object) -> Outbound:
    """Return what sends to this machine too, as in development."""
    return Outbound(allow_loopback=True, resolve=Names(*answers) if answers else look_up, **rules)  # type: ignore[arg-type]


def test_a_notice_arrives_as_it_was_made_and_the_answer_is_its_code(receiver: Receiver) -> None:
    answer = local().post(receiver.url("/hook?shop=7"), BODY, {"webhook-id": "msg_1"})

    assert answer == Answer(200, "200")
    assert answer.accepted
    (got,) = receiver.received
    assert (got.method, got.path, got.body) == ("POST", "/hook?shop=7", BODY)
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["user-agent"].startswith("return-ledger/")
    assert set(got.headers) == {
        "host", "user-agent", "content-type", "content-length", "accept-encoding", "connection", "webhook-id",
    }  # fmt: skip


@pytest.mark.parametrize("code", [201, 204, 299, 300, 400, 404, 410, 429, 500, 503])
def test_only_2xx_is_taken_for_yes(receiver: Receiver, code: int) -> None:
    receiver.behave = [behaves.answer(code)]

    answer = local().post(receiver.url(), BODY, {})

    assert (answer.code, answer.accepted) == (code, code < 300)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_nothing_follows_it(receiver: Receiver, code: int) -> None:
    with receiving() as internal:
        receiver.behave = [behaves.answer(code, location=internal.url("/admin"))]

        answer = local().post(receiver.url(), BODY, {})

        assert answer == Answer(code, str(code))
        assert internal.received == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"]
)
def test_a_name_that_leads_to_an_address_that_is_not_public_gets_nothing(receiver: Receiver, address: str) -> None:
    names = Names([address])

    answer = Outbound(resolve=names).post(f"https://{NAME}:{receiver.port}/hook", BODY, {})

    assert answer == Answer(None, "address refused")
    assert names.asked == [(NAME, receiver.port)]
    assert receiver.received == []


@pytest.mark.parametrize("found", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["2606:2800:220::1", "fd00::1"]])
def test_one_private_address_among_public_ones_is_enough_to_refuse(found: list[str]) -> None:
    assert Outbound(resolve=Names(found)).post(f"https://{NAME}/hook", BODY, {}).said == "address refused"


def test_for_development_plain_http_goes_to_this_machine_and_nowhere_else(receiver: Receiver) -> None:
    url = f"http://localhost:{receiver.port}/hook"

    assert local(["127.0.0.1"]).post(url, BODY, {}).accepted
    assert local(["8.8.8.8"]).post(url, BODY, {}).said == "address refused"
    assert local(["10.0.0.1"]).post(url, BODY, {}).said == "address refused"
    assert Outbound(resolve=Names(["127.0.0.1"])).post(url, BODY, {}).said == "address refused"
    assert len(receiver.received) == 1


def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_connected_to(receiver: Receiver) -> None:
    """DNS rebinding: the second answer would be another address. No second question is asked, so it never counts."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    outbound = Outbound(allow_loopback=True, resolve=names)

    first = outbound.post(f"http://localhost:{receiver.port}/hook", BODY, {})
    second = outbound.post(f"http://localhost:{receiver.port}/hook", BODY, {})

    assert first.accepted
    assert second.said == "address refused"
    assert len(names.asked) == 2


def test_a_name_without_an_address_is_said_to_be_unknown() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    assert Outbound(resolve=nobody).post(f"https://{NAME}/", BODY, {}).said == "unknown name"
    assert Outbound(resolve=Names([])).post(f"https://{NAME}/", BODY, {}).said == "unknown name"
    assert Outbound().post("https://nosuch.invalid/", BODY, {}).said == "unknown name"  # the machine's own resolver


def test_the_machine_s_own_resolver_gives_each_address_once() -> None:
    assert look_up("127.0.0.1", 443) == ["127.0.0.1"]
    assert set(look_up("localhost", 443)) <= {"127.0.0.1", "::1"}


def test_of_several_addresses_the_next_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    answer = local(["127.0.0.7", "127.0.0.1"]).post(f"http://localhost:{receiver.port}/hook", BODY, {})

    assert answer.accepted


def test_who_does_not_listen_is_said_to(receiver: Receiver) -> None:
    answer = local(["127.0.0.7"]).post(f"http://localhost:{receiver.port}/hook", BODY, {})

    assert answer == Answer(None, "no connection")


@pytest.mark.parametrize("slow", [behaves.silence, behaves.drip])
def test_an_attempt_ends_in_time_however_slowly_the_other_side_talks(
    receiver: Receiver, slow: behaves.Behaviour
) -> None:
    receiver.behave = [slow]

    answer = local(seconds_max=0.3).post(receiver.url(), BODY, {})

    assert answer == Answer(None, "no answer in time")


def test_an_endless_body_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.behave = [behaves.flood]

    answer = local().post(receiver.url(), BODY, {})

    assert answer.accepted
    assert receiver.flooded < 64 * 1024**2  # what the buffers of two sockets hold


def test_a_body_that_drips_does_not_take_back_its_head(receiver: Receiver) -> None:
    receiver.behave = [behaves.drip_body]

    assert local().post(receiver.url(), BODY, {}).accepted
    assert not receiver.finished.is_set()


def test_what_is_not_http_is_no_answer(receiver: Receiver) -> None:
    receiver.behave = [behaves.nonsense]

    assert local().post(receiver.url(), BODY, {}) == Answer(None, "no HTTP answer")


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120), ("0", 0), ("", None), ("-1", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_when_to_come_back_is_read_as_seconds(receiver: Receiver, value: str, seconds: int | None) -> None:
    receiver.behave = [behaves.answer(429, retry_after=value)]

    assert local().post(receiver.url(), BODY, {}).retry_after_seconds == seconds


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))

        assert local().post(receiver.url(), BODY, {}).accepted
        assert proxy.received == []


def test_where_nothing_is_sent_there_is_no_host() -> None:
    assert Outbound().host_of(f"https://{NAME}:8443/x") == NAME
    assert Outbound().host_of("http://127.0.0.1/") == ""


# --- TLS -------------------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of this test, and servers with its certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority")])
        self.certificate = self.sign("An authority", self.key.public_key(), None)
        (folder / "ca.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, name: str, key: ec.EllipticCurvePublicKey, host: x509.GeneralName | None) -> x509.Certificate:
        """Return a certificate for a host, or the authority's own."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        if host is None:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, host: x509.GeneralName) -> ssl.SSLContext:
        """Return what a server for this host speaks TLS with; it notes the name that it was asked for."""
        key = ec.generate_private_key(ec.SECP256R1())
        file = self.folder / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + self.sign("A server", key.public_key(), host).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        self.asked: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.asked.append(name)
        return context

    def trusted(self) -> ssl.SSLContext:
        """Return what a client trusts the authority with."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_certificate_is_the_name_s_although_the_connection_goes_to_an_address(authority: Authority) -> None:
    with receiving(tls=authority.server(x509.DNSName(NAME))) as receiver:
        answer = local(["127.0.0.1"], tls=authority.trusted()).post(receiver.url(host=NAME), BODY, {})

        assert answer.accepted
        assert authority.asked == [NAME]
        assert receiver.received[0].headers["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize("host", [x509.DNSName("other.example.com"), x509.IPAddress(ip_address("127.0.0.1"))])
def test_a_certificate_of_another_name_or_of_the_address_is_no_use(
    authority: Authority, host: x509.GeneralName
) -> None:
    with receiving(tls=authority.server(host)) as receiver:
        answer = local(["127.0.0.1"], tls=authority.trusted()).post(receiver.url(host=NAME), BODY, {})

        assert answer == Answer(None, "no trusted TLS")
        assert receiver.received == []


def test_a_certificate_that_no_authority_signed_is_no_use(authority: Authority) -> None:
    with receiving(tls=authority.server(x509.DNSName(NAME))) as receiver:
        answer = local(["127.0.0.1"]).post(receiver.url(host=NAME), BODY, {})

        assert answer == Answer(None, "no trusted TLS")
        assert receiver.received == []


def test_an_address_as_host_needs_a_certificate_of_the_address(authority: Authority) -> None:
    with receiving(tls=authority.server(x509.IPAddress(ip_address("127.0.0.1")))) as receiver:
        assert local(tls=authority.trusted()).post(receiver.url(), BODY, {}).accepted


def test_a_server_that_speaks_no_tls_is_no_use_for_https(receiver: Receiver) -> None:
    with suppress(OSError):
        assert local().post(receiver.url().replace("http:", "https:"), BODY, {}).code is None
    assert receiver.received == []
