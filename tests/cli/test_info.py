import json

from scratchgpt.models import PRESETS, TRANSFORMER_PRESETS, GPTConfig, TransformerConfig, describe


def test_a_preset_is_described_in_figures(scratchgpt):
    outcome = scratchgpt("info", "gpt2")
    assert outcome.status == 0
    assert "124,439,808" in outcome.stdout


def test_json_has_the_values_of_describe(scratchgpt):
    record = json.loads(scratchgpt("info", "char", "--batch", 3, "--block", 32, "--json").stdout)
    expected = describe(GPTConfig.from_preset("char", block_size=32), n_batch=3)
    assert record["n_parameters"] == expected.n_parameters
    assert record["activation_bytes"] == expected.activation_bytes
    assert record["training_bytes"] == expected.training_bytes


def test_a_transformer_is_described_too(scratchgpt):
    outcome = scratchgpt("info", "transformer-tiny", "--batch", 3, "--json")
    expected = describe(TransformerConfig.from_preset("transformer-tiny"), n_batch=3)
    assert json.loads(outcome.stdout)["activation_bytes"] == expected.activation_bytes


def test_without_a_name_all_presets_are_listed(scratchgpt):
    names = [*PRESETS, *TRANSFORMER_PRESETS]
    assert [r["preset"] for r in json.loads(scratchgpt("info", "--json").stdout)] == names
    listing = scratchgpt("info").stdout
    assert all(name in listing for name in names)
    assert " 3+3 " in listing


def test_the_folder_of_a_run_is_described(scratchgpt, trained):
    record = json.loads(scratchgpt("info", trained, "--json").stdout)
    assert record["config"]["n_embd"] == 8


def test_an_unknown_preset_suggests_the_nearest(refused):
    assert "did you mean 'gpt2-medium'?" in refused("info", "gpt2-medum")


def test_a_block_beyond_the_context_is_refused(scratchgpt):
    outcome = scratchgpt("info", "char", "--block", 65)
    assert outcome.status == 2
    assert "64 tokens" in outcome.stderr


def test_a_word_that_is_no_folder_and_no_preset_is_called_neither(refused):
    assert "there is no folder and no preset 'runs/typo'" in refused("info", "runs/typo")
