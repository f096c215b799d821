"""A training run with one of the test objectives as a process, to be killed by the tests.

python objective_process.py NAME OUT_DIR STEPS CHECKPOINT_INTERVAL

It resumes if there is a checkpoint, and prints "step N" after each update.
"""

import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import objectives

from scratchgpt.training import Trainer, find_checkpoint, trainer


def main(name, out_dir, steps, checkpoint_interval):
    trainer.plot_metrics = lambda run_directory, unit: False
    case = objectives.make(
        name, steps=steps, checkpoint_interval=checkpoint_interval, eval_interval=10
    )
    try:
        find_checkpoint(out_dir)
        resume = True
    except ValueError:
        resume = False
    run = Trainer(
        case.objective,
        case.batches,
        case.config,
        evaluate=case.evaluate,
        out_dir=out_dir,
        resume=resume,
    )
    run.on("step", lambda trainer, record: print("step", trainer.step, flush=True))
    run.train()
    print("done")


if __name__ == "__main__":
    name, out_dir, steps, checkpoint_interval = sys.argv[1:]
    main(name, out_dir, int(steps), int(checkpoint_interval))
