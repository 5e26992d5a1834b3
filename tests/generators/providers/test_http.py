"""The way out: what is sent where, how calls end, what errors hold."""

import datetime as dt
import email.utils
import gzip
import ipaddress
import os
import socket
import ssl
import threading
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from generators import errors
from generators.providers import bodies
from generators.providers.bodies import MAX_BODY_BYTES
from generators.providers.http import Http, common_error, retry_after
from tests.fakes import wire
from tests.fakes.wire import FakeService, Fault, Reply

ADDRESSES = (
    "http://127.0.0.1/p.png",
    "https://127.0.0.1/p.png",
    "https://localhost/p.png",
    "https://2130706433/p.png",
    "https://0x7f.1/p.png",
    "https://[::1]/p.png",
    "https://[::ffff:127.0.0.1]/p.png",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.8/p.png",
)


class Echo(FakeService):
    """Answers with what it was sent."""

    routes = (
        ("POST", "/v1/draw", "draw"),
        ("GET", "/v1/look", "look"),
        ("GET", "/v1/elsewhere", "elsewhere"),
        ("GET", r"/pictures/(?P<name>\w+)", "picture"),
    )

    def draw(self, call):
        return Reply(json={"told": call.json, "headers": dict(call.headers)})

    def look(self, call):
        return Reply(json={"headers": dict(call.headers)})

    def elsewhere(self, call):
        return Reply(status=302, headers={"Location": "http://127.0.0.1:1/steal"})

    def picture(self, call):
        size = 70_000_000 if call.match["name"] == "huge" else 100
        return Reply(body=b"x" * size, mime_type="image/png")


@pytest.fixture
def service():
    with Echo() as service:
        yield service


@pytest.fixture
def http(service):
    client = Http(
        service.url,
        headers={"Authorization": f"Bearer {service.KEY}"},
        key=service.KEY,
        key_hosts=(".example.com",),
        result_hosts=("pictures.example.org", *("127.0.0.1", "localhost", "[::1]")),
    )
    yield client
    client.close()


def test_when_it_pays_then_the_key_goes_along_and_the_answer_comes_back(http):
    answer = http.pay("/v1/draw", json={"prompt": "an apple"})
    assert answer.is_good
    said = answer.document().value
    assert said["told"] == {"prompt": "an apple"}
    assert said["headers"]["authorization"] == f"Bearer {Echo.KEY}"


def test_when_a_picture_is_fetched_then_no_key_goes_along(http, service):
    assert http.fetch("/pictures/one").read() == b"x" * 100
    assert http.fetch(f"{service.url}/pictures/one").read() == b"x" * 100
    assert all("authorization" not in call.headers for call in service.calls)


def test_when_told_to_ask_a_stranger_then_the_key_stays_here(http):
    for url in (
        "https://evil.test/v1/look",
        "http://sub.example.com/v1/look",
        "https://sub.example.com:8443/v1/look",
        "https://example.com.evil.test/v1/look",
        "https://user@evil.test/.example.com",
        "//evil.test/v1/look",
    ):
        with pytest.raises(errors.UnexpectedResponse) as got:
            http.get(url)
        assert "told to ask" in got.value.detail


@pytest.mark.parametrize("url", ADDRESSES)
def test_when_a_picture_lies_at_a_private_address_then_it_is_not_fetched(http, url):
    with pytest.raises(errors.UnexpectedResponse):
        http.fetch(url)


def test_when_a_named_host_resolves_to_a_private_address_then_it_is_refused(
    http, monkeypatch
):
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1", *rest, **more),
    )
    with pytest.raises(errors.UnexpectedResponse) as got:
        http.fetch("https://pictures.example.org/p.png")
    assert "private" in got.value.detail


def test_when_it_is_redirected_then_it_does_not_follow(http, service):
    assert http.get("/v1/elsewhere").status == 302
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(cuts=True), Fault(cuts_body=True), Fault(wrong_length=True)],
    ids=["cut", "cut-in-the-body", "wrong-length"],
)
def test_when_the_line_breaks_then_only_a_paid_outcome_is_unknown(http, service, fault):
    service.fail(fault, times=3)
    with pytest.raises(errors.OutcomeUnknown):
        http.pay("/v1/draw", json={})
    with pytest.raises(errors.ProviderUnavailable):
        http.get("/v1/look")
    with pytest.raises(errors.ProviderUnavailable):
        http.fetch("/pictures/one")
    assert len(service.calls) == 3, "it was sent again"


@pytest.mark.parametrize("fault", [Fault(hangs=True), Fault(drips=20)])
def test_when_a_service_hangs_or_drips_then_the_call_ends_in_time(http, service, fault):
    service.fail(fault, times=2)
    for call, expected in (
        (lambda: http.pay("/v1/draw", json={}, seconds=0.6), errors.OutcomeUnknown),
        (lambda: http.get("/v1/look", seconds=0.6), errors.ProviderUnavailable),
    ):
        started = time.monotonic()
        with pytest.raises(expected):
            call()
        assert time.monotonic() - started < 3


def test_when_headers_drip_then_the_call_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = Http(f"http://127.0.0.1:{port}", headers={})

        def drip():
            line, _ = server.accept()
            with line:
                line.recv(65_536)
                for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 400:
                    try:
                        line.send(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(errors.OutcomeUnknown):
            client.pay("/v1/draw", seconds=0.6)
        client.close()


def test_when_nobody_listens_then_it_surely_was_not_sent():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = Http(f"http://127.0.0.1:{port}", headers={})
    with pytest.raises(errors.ProviderUnavailable) as got:
        client.pay("/v1/draw", json={})
    assert got.value.detail == "NewConnectionError: [Errno 111] Connection refused"
    client.close()


@pytest.fixture
def certificate(tmp_path):
    """The file of a certificate, with its key, of this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(pem)
    )
    return file


class BreakingTls:
    """Shakes hands, takes a call, and answers what is no TLS."""

    def __init__(self, certificate):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate)
        self.told = b""

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.server.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.thread.join()
        self.server.close()

    def _serve(self):
        line, _ = self.server.accept()
        try:
            secured = self.context.wrap_socket(line, server_side=True)
        except (ssl.SSLError, OSError):
            return  # they do not trust us
        with secured:
            while not self.told.endswith(b"{}"):  # what is left unread resets the line
                self.told += secured.recv(65_536)
            with socket.socket(fileno=os.dup(secured.fileno())) as bare:
                bare.sendall(b"this is no record of TLS")


def test_when_tls_breaks_in_the_answer_then_the_outcome_is_unknown(certificate):
    with BreakingTls(certificate) as service:
        client = Http(service.url, headers={})
        with pytest.raises(errors.OutcomeUnknown) as got:
            client.pay("/v1/draw", json={}, verify=str(certificate))
        client.close()
    assert "SSLError" in got.value.detail
    assert service.told.startswith(b"POST /v1/draw")


def test_when_a_certificate_is_not_trusted_then_it_surely_was_not_sent(certificate):
    with BreakingTls(certificate) as service:
        client = Http(service.url, headers={})
        with pytest.raises(errors.ProviderUnavailable):
            client.pay("/v1/draw", json={})
        client.close()
    assert service.told == b""


MALFORMED = ("https://h:99999/p.png", "https://[::1/p.png", "https://h:one/p.png")


@pytest.mark.parametrize("url", MALFORMED)
def test_when_a_service_names_a_malformed_address_then_that_is_no_answer(http, url):
    for ask in (http.fetch, http.get, http.pay):
        with pytest.raises(errors.UnexpectedResponse):
            ask(url)


def test_when_a_paid_call_follows_another_then_it_uses_a_line_of_its_own(http, service):
    http.pay("/v1/draw", json={})
    http.pay("/v1/draw", json={})
    assert [call.headers["connection"] for call in service.calls]  # keep-alive is asked
    http.get("/v1/look")
    http.get("/v1/look")


def test_when_an_answer_is_too_large_then_it_is_refused_before_it_is_whole(
    http, service
):
    with pytest.raises(errors.UnexpectedResponse) as got:
        http.fetch("/pictures/huge")
    assert "more than" in got.value.detail
    assert MAX_BODY_BYTES > 70_000_000


def test_when_a_picture_is_gone_then_it_is_no_reason_to_try_again(http):
    with pytest.raises(errors.UnexpectedResponse):
        http.fetch("/pictures/not/here")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, errors.InvalidRequest),
        (401, errors.AuthenticationFailed),
        (402, errors.QuotaExhausted),
        (403, errors.AuthenticationFailed),
        (404, errors.ModelUnavailable),
        (409, errors.UnexpectedResponse),
        (422, errors.InvalidRequest),
        (429, errors.RateLimited),
        (500, errors.ProviderFailed),
        (503, errors.ProviderFailed),
    ],
)
def test_when_it_refuses_then_the_status_says_how_and_the_key_is_not_told(
    http, service, code, expected
):
    service.fail(wire.status(code, {"echo": service.KEY}, Retry_After="7"))
    error = common_error(http.pay("/v1/draw", json={}))
    assert type(error) is expected
    assert service.KEY not in error.detail
    if isinstance(error, errors.RateLimited):
        assert error.retry_after == 7


def test_when_it_answers_with_a_page_then_that_is_no_document(http, service):
    service.fail(wire.html(200))
    with pytest.raises(errors.UnexpectedResponse):
        http.pay("/v1/draw", json={}).document()


def test_when_a_wait_is_a_date_then_it_is_read_as_well():
    in_a_minute = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    date = email.utils.format_datetime(in_a_minute, usegmt=True)
    assert retry_after(date) == pytest.approx(60, abs=2)
    assert retry_after("1.5") == 1.5
    assert retry_after("soon") is None
    assert retry_after("") is None


def test_when_the_machine_has_a_proxy_then_it_is_not_used(http, service, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert http.get("/v1/look").is_good


def test_when_an_error_is_raised_then_it_holds_no_request_with_the_key(http, service):
    service.fail(Fault(cuts=True))
    with pytest.raises(errors.OutcomeUnknown) as got:
        http.pay("/v1/draw", json={})
    assert got.value.__cause__ is None
    assert got.value.__suppress_context__
    assert not isinstance(got.value, requests.RequestException)


class Line:
    """A service that writes what it is told, piece by piece, and then hangs up."""

    def __init__(self, *pieces, head=b""):
        self.pieces, self.head = pieces, head
        self.may_go_on = threading.Event()

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.may_go_on.set()
        self.server.close()

    def _serve(self):
        line, _ = self.server.accept()
        with line:
            line.recv(65_536)
            line.sendall(b"HTTP/1.1 200 OK\r\n" + self.head + b"\r\n")
            for piece in self.pieces:
                if piece is None:
                    self.may_go_on.wait(5)
                else:
                    line.sendall(piece)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
PACKED = gzip.compress(b"onetwo")
STREAMS = {
    "until-closed": Line(b"one", None, b"two"),
    "sized": Line(b"one", None, b"two", head=b"Content-Length: 6\r\n"),
    "chunked": Line(b"3\r\none\r\n", None, b"3\r\ntwo\r\n0\r\n\r\n", head=CHUNKED),
    "packed": Line(PACKED, head=b"Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("line", STREAMS.values(), ids=STREAMS)
def test_when_an_answer_is_watched_then_each_piece_is_shown_when_it_comes(line):
    shown = []

    def on_chunk(chunk):
        shown.append(chunk)
        line.may_go_on.set()

    with line:
        client = Http(line.url, headers={})
        started = time.monotonic()
        answer = client.pay("/v1/draw", on_chunk=on_chunk)
        client.close()
    assert time.monotonic() - started < 3, "the first piece was held back"
    assert b"".join(shown) == answer.body.read() == b"onetwo"


@pytest.mark.parametrize(
    "line",
    [
        Line(b"one", head=b"Content-Length: 6\r\n"),
        Line(b"3\r\none\r\n", head=CHUNKED),
        Line(b"6\r\none", head=CHUNKED),
        Line(b"one", None, head=CHUNKED),
        Line(PACKED[:-9], None, b"x", head=b"Content-Encoding: gzip\r\n"),
    ],
    ids=["sized", "between-chunks", "in-a-chunk", "no-chunk", "packed-and-late"],
)
def test_when_a_watched_answer_breaks_off_then_its_outcome_is_unknown(line):
    with line:
        client = Http(line.url, headers={})
        with pytest.raises(errors.OutcomeUnknown):
            client.pay("/v1/draw", on_chunk=lambda chunk: None, seconds=0.6)
        client.close()


def test_when_a_watched_answer_is_too_large_then_no_more_of_it_is_shown(
    http, monkeypatch
):
    shown = []
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 150)
    with pytest.raises(errors.UnexpectedResponse, match="not a picture") as got:
        http.pay("/v1/draw", json={"long": "x" * 1000}, on_chunk=shown.append)
    assert "more than" in got.value.detail
    assert sum(map(len, shown)) <= 150


def test_when_a_watched_call_is_paid_then_it_is_sent_once_with_the_key(http, service):
    answer = http.pay("/v1/draw", json={"a": 1}, on_chunk=lambda chunk: None)
    assert answer.document().value["told"] == {"a": 1}
    service.fail(Fault(cuts=True), times=2)
    with pytest.raises(errors.OutcomeUnknown):
        http.pay("/v1/draw", json={}, on_chunk=lambda chunk: None)
    assert len(service.calls) == 2
    assert all(
        call.headers["authorization"] == f"Bearer {Echo.KEY}" for call in service.calls
    )


@pytest.mark.parametrize("key", ["sk-\nX-More: yes", "sk-ключ", "sk-\x00"])
def test_when_a_key_cannot_be_sent_then_it_says_so_without_telling_it(key):
    with pytest.raises(errors.NotConfigured) as got:
        Http("https://example.com", headers={"Authorization": f"Bearer {key}"}, key=key)
    assert key not in f"{got.value!r} {got.value.detail}"
