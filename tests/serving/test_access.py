import pytest

from scratchgpt.errors import UserError
from scratchgpt.serving.access import is_loopback, make_access
from scratchgpt.serving.api_error import APIError

LOCAL = make_access("127.0.0.1")
OPEN = make_access("0.0.0.0")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000"]
)
def test_the_names_of_this_machine_are_answered(host):
    assert LOCAL.check_host([host]) == host.lower()
    assert OPEN.check_host([host]) == host.lower()


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.com"],
        ["evil.com:8000"],
        ["localhost.evil.com"],
        ["127.0.0.1.evil.com"],
        ["localhost", "localhost"],
        ["localhost:8000:8000"],
        ["user@localhost"],
        ["localhost/"],
        ["localhost "],
        ["[::1"],
        ["127.0.0.1:x"],
        ["0"],
        ["localhost:"],
    ],
)
def test_other_hosts_are_refused(hosts):
    for access in (LOCAL, OPEN):
        with pytest.raises(APIError) as caught:
            access.check_host(hosts)
        assert caught.value.status == 403


def test_addresses_are_answered_only_by_a_server_for_other_machines():
    for host in ("192.168.1.5:8000", "[fe80::1]"):
        assert OPEN.check_host([host]) == host
        with pytest.raises(APIError):
            LOCAL.check_host([host])
    assert make_access("Chat.lan").check_host(["chat.lan:80"]) == "chat.lan:80"


def test_the_own_page_and_allowed_pages_may_send_requests():
    access = make_access("127.0.0.1", ["https://Chat.example.com/", "http://a.lan:3000"])
    assert access.check_origin([], "localhost:8000") is None
    assert access.check_origin(["http://localhost:8000"], "localhost:8000") is None
    allowed = "https://chat.example.com"
    assert access.check_origin([allowed], "localhost:8000") == allowed
    assert access.check_host(["chat.example.com"]) == "chat.example.com"
    assert access.check_host(["a.lan:8000"]) == "a.lan:8000"


@pytest.mark.parametrize(
    "origins",
    [
        ["http://evil.com"],
        ["null"],
        [""],
        ["http://localhost:9000"],
        ["https://localhost:8000"],
        ["http://localhost:8000", "http://localhost:8000"],
        ["http://localhost:8000.evil.com"],
    ],
)
def test_pages_of_others_are_refused(origins):
    with pytest.raises(APIError) as caught:
        LOCAL.check_origin(origins, "localhost:8000")
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "evil",
        "http://",
        "http://a/b",
        "http://a b",
        "null",
        "http://a:123456",
        "http://\ud800",
    ],
)
def test_an_origin_must_be_named(origin):
    with pytest.raises(UserError, match="is not an origin"):
        make_access("127.0.0.1", [origin])


def test_the_key_is_compared():
    access = make_access("127.0.0.1", api_key="s3cret")
    access.check_key(["Bearer s3cret"])
    access.check_key(["bearer  s3cret"])
    wrong = (
        [],
        ["s3cret"],
        ["Bearer s3cre"],
        ["Basic s3cret"],
        ["Bearer s3cret"] * 2,
        ["Bearer é"],
    )
    for headers in wrong:
        with pytest.raises(APIError) as caught:
            access.check_key(list(headers))
        assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    LOCAL.check_key([])
    LOCAL.check_key(["Bearer anything"])
    for key in ("", "two words", "é"):
        with pytest.raises(UserError, match="API key"):
            make_access("127.0.0.1", api_key=key)


def test_which_addresses_other_machines_can_reach():
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.5", "chat.lan", ""]))
