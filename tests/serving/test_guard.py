import pytest

from scratchgpt.serving import make_access

CHAT = "/v1/chat/completions"


def test_errors_have_openais_shape(ask, service):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/models/", 404),
        ("GET", CHAT, 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/", 405),
        ("GET", "/v1/models/other", 404),
    ):
        reply = ask(service, method, path)
        assert reply.status == status
        assert set(reply.error) == {"message", "type", "param", "code"}
        assert reply.error["type"] == "invalid_request_error"
        assert "x-should-retry" not in reply.headers


def test_another_host_or_origin_is_refused_on_every_path(ask, service):
    for path in ("/", "/health", "/v1/models", "/nothing"):
        for headers in ({"host": "evil.com"}, {"host": None}, {"origin": "http://evil.com"}):
            reply = ask(service, "GET", path, **headers)
            assert reply.status == 403
            assert "access-control-allow-origin" not in reply.headers
    assert ask(service, "GET", "/health", origin="http://127.0.0.1:8000").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": None},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "text/plain; application/json"},
        {"content_encoding": "gzip"},
    ],
)
def test_only_uncompressed_json_is_read(ask, service, messages, headers):
    assert ask(service, "POST", CHAT, {"messages": messages}, **headers).status == 415


def test_the_character_set_may_be_named(ask, service, messages):
    headers = {"content_type": "Application/JSON; charset=utf-8"}
    body = {"messages": messages, "max_tokens": 1}
    assert ask(service, "POST", CHAT, body, **headers).status == 200


def test_there_is_no_cors_unless_an_origin_is_named(ask, make_service, served):
    page = "https://chat.example.com"
    service = make_service(served, make_access("127.0.0.1", [page], "key"))
    reply = ask(service, "OPTIONS", CHAT, origin=page, access_control_request_headers="x-a, x-b")
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == page
    assert reply.headers["access-control-allow-headers"] == "x-a, x-b"
    assert reply.headers["access-control-allow-methods"] == "GET, POST"
    reply = ask(service, "GET", "/v1/models", origin=page)
    assert reply.status == 401  # the page can read why
    assert reply.headers["access-control-allow-origin"] == page
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in ask(service, "GET", "/health").headers
    assert ask(service, "OPTIONS", CHAT, origin="http://evil.com").status == 403
    own = ask(service, "OPTIONS", CHAT, origin="http://127.0.0.1:8000")
    assert not any(name.startswith("access-control") for name in own.headers)


def test_a_key_protects_the_models_but_not_the_page(ask, make_service, served):
    service = make_service(served, make_access("127.0.0.1", api_key="key"))
    for path in ("/v1/models", "/v1/models/tiny", "/v1/nothing"):
        reply = ask(service, "GET", path)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    assert ask(service, "POST", CHAT, {}).status == 401
    assert ask(service, "GET", "/v1/models", authorization="Bearer key").status == 200
    assert ask(service, "GET", "/").status == ask(service, "GET", "/health").status == 200


def test_a_failure_of_the_server_is_reported_and_must_not_be_tried_again(
    ask, make_service, served, monkeypatch
):
    failures = []
    service = make_service(served, on_failure=failures.append)
    monkeypatch.setattr(type(served), "describe", lambda self: 1 / 0)
    reply = ask(service, "GET", "/v1/models")
    assert reply.status == 500
    assert reply.headers["x-should-retry"] == "false"
    assert reply.error["type"] == "server_error"
    assert "division" not in reply.error["message"]
    assert [type(error) for error in failures] == [ZeroDivisionError]


def test_every_answer_forbids_to_guess_its_type(ask, service):
    for path in ("/", "/v1/models", "/nothing"):
        assert ask(service, "GET", path).headers["x-content-type-options"] == "nosniff"


def test_large_headers_are_refused(ask, service):
    for path, headers in (("/health", {"x_a": "x" * 17_000}), ("/" + "x" * 17_000, {})):
        assert ask(service, "GET", path, **headers).status == 431
