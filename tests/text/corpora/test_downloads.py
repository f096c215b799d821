import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import find_documents
from scratchgpt.text.corpora.downloads import DOWNLOADS, Download, fetch

CONTENT = b"To be, or not to be\n"


class Server(HTTPServer):
    content = CONTENT
    n_requests = 0

    def on_request(self):
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.n_requests += 1
        self.server.on_request()
        self.send_response(200 if self.path == "/input.txt" else 404)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A local server for the corpus ``hamlet``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        name_hamlet(monkeypatch, f"http://127.0.0.1:{server.server_port}/input.txt")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def name_hamlet(monkeypatch, url):
    checksum = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setitem(
        DOWNLOADS,
        "hamlet",
        Download(file="hamlet/input.txt", url=url, sha256=checksum, description="a play"),
    )


def read(cache):
    return "".join(find_documents(["hamlet"], cache)[0].blocks()).encode()


def test_a_download_is_fetched_once_and_kept(server, cache, capsys):
    assert read(cache) == CONTENT
    assert read(cache) == CONTENT
    assert server.n_requests == 1
    assert (cache / "downloads/hamlet/input.txt").read_bytes() == CONTENT
    assert capsys.readouterr() == ("", "")


def test_the_data_folder_may_have_a_compressed_copy_if_the_caller_wants_it(
    server, cache, monkeypatch, tmp_path
):
    path = tmp_path / "data" / "hamlet" / "input.txt.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(CONTENT))
    monkeypatch.setenv("SCRATCHGPT_DATA", str(tmp_path / "data"))
    assert fetch("hamlet", DOWNLOADS["hamlet"], cache, gzipped=True) == path
    assert fetch("hamlet", DOWNLOADS["hamlet"], cache) == cache / "downloads/hamlet/input.txt"
    path.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(UserError, match=r"input\.txt\.gz is not hamlet: its checksum differs"):
        fetch("hamlet", DOWNLOADS["hamlet"], cache, gzipped=True)


def test_a_download_is_private_until_it_is_complete(server, cache):
    """If the process is killed, the next one removes the folder of the download."""
    folder = cache / "downloads/hamlet"
    (folder / ".input.txt.0123.tmp").mkdir(parents=True)
    names = []
    server.on_request = lambda: names.extend(path.name for path in folder.iterdir())
    assert read(cache) == CONTENT
    (name,) = names
    assert name.startswith(".input.txt.")
    assert "0123" not in name
    assert [path.name for path in folder.iterdir()] == ["input.txt"]


def test_a_damaged_download_is_fetched_again(server, cache):
    assert read(cache) == CONTENT
    (cache / "downloads/hamlet/input.txt").write_bytes(CONTENT[:-1])
    assert read(cache) == CONTENT
    assert server.n_requests == 2


def test_a_download_with_the_wrong_checksum_is_refused_and_not_kept(server, cache):
    server.content = b"something else"
    with pytest.raises(UserError, match=r"cannot download hamlet: .*SCRATCHGPT_DATA") as caught:
        read(cache)
    assert "\n" not in str(caught.value)
    server.content = CONTENT
    assert read(cache) == CONTENT


def test_the_error_without_network_says_where_to_put_the_file(monkeypatch, cache):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    name_hamlet(monkeypatch, "http://127.0.0.1:1/input.txt")
    with pytest.raises(
        UserError, match=r"cannot download hamlet: .*put the file at hamlet/input\.txt in a folder"
    ):
        read(cache)


def test_the_data_folder_takes_precedence_over_the_network(monkeypatch, cache, write, tmp_path):
    name_hamlet(monkeypatch, "http://127.0.0.1:1/input.txt")
    write("data/hamlet/input.txt", CONTENT)
    monkeypatch.setenv("SCRATCHGPT_DATA", str(tmp_path / "data"))
    assert read(cache) == CONTENT
    assert not cache.exists()


def test_a_file_missing_from_the_data_folder_is_downloaded(server, monkeypatch, cache, tmp_path):
    monkeypatch.setenv("SCRATCHGPT_DATA", str(tmp_path))
    assert read(cache) == CONTENT
    assert server.n_requests == 1


def test_a_file_in_the_data_folder_with_the_wrong_checksum_is_refused(
    monkeypatch, cache, write, tmp_path
):
    name_hamlet(monkeypatch, "http://127.0.0.1:1/input.txt")
    path = write("data/hamlet/input.txt", CONTENT + b".")
    monkeypatch.setenv("SCRATCHGPT_DATA", str(tmp_path / "data"))
    with pytest.raises(UserError, match="is not hamlet: its checksum differs") as caught:
        read(cache)
    assert path in str(caught.value)


def test_tinyshakespeare_is_the_file_of_char_rnn():
    wanted = DOWNLOADS["tinyshakespeare"]
    assert wanted.sha256 == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    assert wanted.file == "tinyshakespeare/input.txt"
    assert wanted.url.endswith("/karpathy/char-rnn/master/data/tinyshakespeare/input.txt")
