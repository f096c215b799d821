import gzip
import os

import pytest

from scratchgpt import compressed
from scratchgpt.compressed import decompress
from scratchgpt.errors import UserError

TEXT = b"one two three\n" * 50


@pytest.mark.parametrize("n_members", [1, 2])
def test_compressed_content_is_decompressed(n_members):
    assert decompress(gzip.compress(TEXT, mtime=0) * n_members, "a.gz") == TEXT * n_members
    assert decompress(gzip.compress(b"", mtime=0), "a.gz") == b""


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f"])
def test_other_content_is_returned_unchanged(content):
    assert decompress(content, "a.txt") is content


@pytest.mark.parametrize("content", [b"\x1f\x8b", gzip.compress(TEXT, mtime=0)[:-1]])
def test_damaged_content_is_refused(content):
    with pytest.raises(UserError, match=r"^cannot decompress a\.gz: .* is damaged, download it"):
        decompress(content, "a.gz")


def test_a_small_file_that_holds_a_huge_one_is_refused_without_decompressing_it_all(monkeypatch):
    monkeypatch.setattr(compressed, "SMALL_BYTES", 1 << 10)
    read = gzip.GzipFile.read
    sizes = []

    def counted(self, n):
        sizes.append(n)
        return read(self, n)

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    packed = gzip.compress(bytes(8 << 20), mtime=0)
    with pytest.raises(UserError, match=r"^a\.gz has more than [\d,]+ bytes after .*decompress it"):
        decompress(packed, "a.gz")
    assert sum(sizes) < 8 << 20


def test_the_limit_grows_with_the_file(monkeypatch):
    monkeypatch.setattr(compressed, "SMALL_BYTES", 0)
    noise = os.urandom(5000)
    packed = gzip.compress(noise + bytes(200_000), mtime=0)
    assert 30 < 205_000 / len(packed) < compressed.MAX_RATIO
    assert decompress(packed, "a.gz") == noise + bytes(200_000)
    with pytest.raises(UserError, match="more than 100,000 bytes"):
        decompress(packed, "a.gz", 100_000)
    with pytest.raises(UserError, match="more than"):
        decompress(gzip.compress(bytes(200_000), mtime=0), "a.gz")
