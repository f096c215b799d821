"""``scratchgpt serve`` up to the server itself, which tests/serving tests."""

import sys

import pytest

from scratchgpt import serving
from scratchgpt.chat import add_markers
from scratchgpt.models import GPT, GPTConfig, save_pretrained
from scratchgpt.serving import bind
from scratchgpt.text import train_bpe


@pytest.fixture
def chat_folder(tmp_path):
    tokenizer = add_markers(train_bpe(["a b"], 257))
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": 16}
    save_pretrained(GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size)), tmp_path / "my chat")
    tokenizer.save(tmp_path / "my chat" / "tokenizer.json")
    return tmp_path / "my chat"


@pytest.fixture
def serve(scratchgpt, monkeypatch):
    """``serve(*arguments)`` starts a server that ends at once; returns its output and service."""
    services = []

    def run(service, listener, on_ready):
        on_ready()
        services.append(service)
        service.close()

    monkeypatch.setattr(serving, "run", run)

    def call(*arguments):
        outcome = scratchgpt("serve", "--port", 0, *arguments)
        assert outcome.status == 0, outcome.stderr
        assert outcome.stdout == ""
        return outcome.stderr, services.pop()

    return call


def test_each_kind_of_model_is_served_at_the_address_that_is_printed(
    serve, chat_folder, trained, encoder_folder
):
    shown, service = serve("--model", chat_folder)
    assert shown.startswith("serving my chat at http://127.0.0.1:")
    assert shown.endswith("; Ctrl-C stops it\nstopped\n")
    assert service.model.has_chat
    _, service = serve("--model", trained, "--which", "last")
    assert service.model.name == "run"
    assert not service.model.has_chat
    _, service = serve("--model", encoder_folder)
    assert service.model.encoder is not None


def test_a_server_for_other_machines_says_so(serve, chat_folder, monkeypatch):
    shown, _ = serve("-m", chat_folder, "--host", "0.0.0.0")
    assert shown.startswith(
        "warning: other machines can reach this server, and anyone who reaches it can use it; set "
        "--api-key\nserving"
    )
    monkeypatch.setenv("SCRATCHGPT_API_KEY", "secret")
    shown, _ = serve("-m", chat_folder, "--host", "0.0.0.0")
    assert shown.startswith("warning: other machines can reach this server\nserving")
    assert "secret" not in shown
    shown, _ = serve("-m", chat_folder, "--host", "localhost")
    assert "warning" not in shown


def test_what_cannot_be_served_is_refused_in_one_line(refused, chat_folder, tmp_path):
    model = ("serve", "-m", chat_folder)
    assert "is not an origin" in refused(*model, "--allow-origin", "*")
    assert "API key" in refused(*model, "--api-key", "")
    assert "is not an address" in refused(*model, "--host", "a" * 64)
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert f"cannot listen on port {port}" in refused(*model, "--port", port)
    assert "65535" in refused(*model, "--port", 65536)
    assert "there is no model" in refused("serve", "--port", 0, "-m", tmp_path / "nothing")


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_the_command_to_install_it_is_printed(
    refused, chat_folder, monkeypatch, missing
):
    monkeypatch.setitem(sys.modules, missing, None)
    assert refused("serve", "-m", chat_folder) == (
        "error: a server needs starlette and uvicorn; install them with pip install "
        "'scratchgpt-numpy[serve]'"
    )
