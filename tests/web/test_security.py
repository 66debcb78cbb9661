"""Who is let in, and what a browser is told."""

import re
import socket

import pytest

from .conftest import form, png

KEY = "a very long key"


@pytest.mark.parametrize(
    "headers",
    [{"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}],
)
def test_who_knows_the_key_is_let_in(serve, colour_run, headers):
    client = serve(colour_run.path, api_key=KEY)
    assert client.post("/predict", files=form(png()), headers=headers).status_code == 200
    assert client.get("/model", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": KEY[:-1]}, {"x-api-key": "ключ".encode()}, {"authorization": KEY}],
)
def test_who_does_not_know_the_key_stays_outside(serve, colour_run, headers):
    client = serve(colour_run.path, api_key=KEY)
    for path in ("/predict", "/heatmap"):
        answer = client.post(path, files=form(png()), headers=headers)
        assert answer.status_code == 401
        assert "X-API-Key" in answer.json()["detail"]
    for path in ("/model", "/metrics"):
        assert client.get(path, headers=headers).status_code == 401
    for path in ("/healthz", "/readyz", "/docs"):
        assert client.get(path, headers=headers).status_code == 200


def test_foreign_name_is_refused_where_no_key_protects_this_machine(client):
    for name in ("localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000", "[::1]"):
        assert client.get("/healthz", headers={"host": name}).status_code == 200
    for name in ("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.a"):
        answer = client.get("/model", headers={"host": name})
        assert answer.status_code == 421
        assert "Host header not allowed" in answer.json()["detail"]


def test_any_name_will_do_where_there_is_a_key(serve, colour_run):
    client = serve(colour_run.path, api_key=KEY)
    headers = {"host": "photos.example", "x-api-key": KEY}
    assert client.get("/model", headers=headers).status_code == 200


def test_pages_of_named_origins_alone_may_ask(serve, colour_run):
    client = serve(colour_run.path, cors=("https://a.example",))
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    allowed = client.options("/predict", headers={"origin": "https://a.example", **asked})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    refused = client.options("/predict", headers={"origin": "https://b.example", **asked})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


def test_without_cors_no_origin_is_named(client):
    answer = client.get("/model", headers={"origin": "https://a.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_browsers_are_instructed_to_load_nothing_from_elsewhere(client):
    headers = client.get("/healthz").headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["permissions-policy"].startswith("camera=(self)")
    assert headers["x-content-type-options"] == "nosniff"


def test_page_of_the_endpoints_needs_no_network(client):
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", answer.text)
    assert "<script" not in answer.text
    for path in ("/predict", "/heatmap", "/model", "/healthz", "/readyz", "/metrics"):
        assert f"<code>{path}</code>" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/predict", 405)]
)
def test_what_is_not_there_is_reported_in_a_sentence(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith((".", "it."))


def test_no_path_leads_out_of_the_page_s_folder(client):
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"):
        assert client.get(path).status_code == 404


def test_a_body_of_two_lengths_is_refused_and_nothing_after_it_is_answered(serve, colour_run):
    client = serve(colour_run.path)
    with socket.create_connection((client.base_url.host, client.base_url.port), 20) as line:
        line.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        found = b""
        while more := line.recv(4000):
            found += more
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.count(b"HTTP/1.1 ") == 1
