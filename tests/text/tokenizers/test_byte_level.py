import numpy as np
from tokenizers import pre_tokenizers

from scratchgpt.text import ByteTokenizer
from scratchgpt.text.tokenizers.byte_level import BYTE_TO_CHARACTER, CHARACTER_TO_BYTE


def test_the_id_of_a_byte_is_its_value():
    text = "".join(map(chr, range(0x800))) + "€😀"
    tokens = ByteTokenizer().encode(text)
    np.testing.assert_array_equal(tokens, list(text.encode()))
    assert [ByteTokenizer().token_bytes(i) for i in range(256)] == [bytes([i]) for i in range(256)]


def test_every_byte_maps_to_the_character_of_gpt2():
    assert sorted(CHARACTER_TO_BYTE.values()) == list(range(256))
    pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    text = "".join(map(chr, range(0x800))) + "\u8000\U00040000\U00100000"
    written = "".join(piece for piece, _ in pre_tokenizer.pre_tokenize_str(text))
    assert "".join(BYTE_TO_CHARACTER[byte] for byte in text.encode()) == written
    assert set(BYTE_TO_CHARACTER.values()) == set(pre_tokenizers.ByteLevel.alphabet())


def test_bytes_that_are_not_utf8_decode_to_the_replacement_character():
    assert ByteTokenizer().decode([0x68, 0xC3, 0x68]) == "h\ufffdh"
