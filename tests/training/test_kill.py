"""A run killed with SIGKILL at any moment leaves a complete checkpoint."""

import random
import signal
import time

import numpy as np

from scratchgpt.models import load_pretrained
from scratchgpt.text import load_tokenizer
from scratchgpt.training import find_checkpoint, read_metrics
from scratchgpt.training.checkpoint import read_state

STEPS = 1_000_000  # more than it can take


def test_a_run_killed_again_and_again_is_whole_each_time_and_ends_like_an_unbroken_one(
    start_training, tmp_path
):
    """Every update writes a checkpoint, so that most kills happen while one is being written."""
    rng = random.Random(0)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    reached = []
    for _ in range(10):
        process = start_training(killed, STEPS, 1)
        for _ in range(2):  # when the second update is printed, the first has been saved
            assert process.stdout.readline().startswith("step "), process.stderr.read()
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
        path = find_checkpoint(killed)
        reached.append(read_state(path).step)
        assert np.isfinite(load_pretrained(path).store.values).all()
        assert load_tokenizer(path).vocab_size == 11
        load_pretrained(find_checkpoint(killed, "best"))
    assert reached == sorted(set(reached))

    steps = reached[-1] + 5
    for out_dir, interval in ((killed, 1), (whole, STEPS)):
        process = start_training(out_dir, steps, interval)
        out, err = process.communicate(timeout=60)
        assert out.endswith("done\n"), err
    for file in ("last/model.safetensors", "last/training_state.safetensors"):
        assert (killed / file).read_bytes() == (whole / file).read_bytes()
    losses = [
        [(record["step"], record.get("loss"), record.get("val_loss")) for record in read_metrics(p)]
        for p in (killed / "metrics.jsonl", whole / "metrics.jsonl")
    ]
    assert losses[0] == losses[1]
