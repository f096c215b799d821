import pytest

from scratchgpt.recipes.code_search import Stage
from scratchgpt.recipes.resolve import configure

WORDS = ["birch", "cedar", "delta", "ember", "fjord"]
SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 16}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Replace the two runs of the setup by two small ones."""
    text, pairs = tmp_path / "text.txt", tmp_path / "pairs.tsv"
    lines = [f"{WORDS[i % 5]} {i}\tabout {i} {WORDS[i % 5]}" for i in range(60)]
    pairs.write_text("\n".join(lines))
    text.write_text("\n".join(lines).replace("\t", " "))

    def stages(folder):
        gpt = folder / "gpt"
        training = {"steps": 3, "batch_size": 4, "checkpoint_interval": 1}

        def first(seed, precision):
            return configure(
                corpus=[str(text)], tokenizer="bpe:300", model=SIZES, training=training
            )

        def second(seed, precision):
            settings = {**training, "batch_size": 8}
            return configure(
                task="contrastive", corpus=[str(pairs)], init=str(gpt), training=settings
            )

        return [Stage("a GPT", gpt, first), Stage("an encoder", folder / "encoder", second)]

    monkeypatch.setattr("scratchgpt.recipes.code_search.setup_stages", stages)


def test_the_setup_trains_the_model_that_searches_use(scratchgpt, refused, small, tmp_path):
    outcome = scratchgpt("search", "--setup")
    assert outcome.status == 0, outcome.stderr
    assert outcome.stdout == ""
    model = tmp_path / "cache" / "models" / "code-search"
    assert f"searches use the model in {model} from now on" in outcome.stderr
    assert (model / "modules.json").exists()

    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "notes.md").write_text("# Notes\n\nHow to bake bread.\n")
    outcome = scratchgpt("search", "--semantic", "bread", folder)
    assert outcome.status == 0, outcome.stderr
    assert "notes.md:1" in outcome.stdout

    assert f"there is a model in {model}" in refused("search", "--setup")


def test_an_interrupted_setup_goes_on(scratchgpt, small, monkeypatch, tmp_path):
    from scratchgpt.training import Trainer

    once = [True]
    evaluate = Trainer._fire

    def interrupt(self, event, record):
        evaluate(self, event, record)
        if event == "step" and record.step == 2 and once:
            once.clear()
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_fire", interrupt)
    assert scratchgpt("search", "--setup").status != 0
    outcome = scratchgpt("search", "--setup")
    assert outcome.status == 0, outcome.stderr
    assert "step 1 of 2" in outcome.stderr
    assert (tmp_path / "cache" / "models" / "code-search" / "modules.json").exists()


def test_words_and_setup_exclude_each_other(refused):
    assert "takes no query" in refused("search", "--setup", "words")
    assert "give the words to search for" in refused("search")
