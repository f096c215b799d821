"""The server under load: many clients, clients that vanish, and malformed requests, as JSON.

    python benchmarks/serve_load.py [--model runs/chat] [--rounds 3]

A round is 200 requests by 8 clients at once, 50 clients that vanish while they are answered, and
1,000 malformed requests. The clients run in another process. Each line has the statuses of the
answers, the time, the threads and the resident memory of the server after it, and whether each
request was computed after all that arrived before it. The first line is the server after three
requests. Without --model, the model has 10M random parameters.

The exit status is 1 if a status is not 200 or 4xx, if a thread is left, or if the order is not
fair.
"""

import argparse
import gc
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "serving"))

import load

from scratchgpt.chat import add_markers
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.recipes.model_folder import load_model
from scratchgpt.serving import ServedModel, Service, bind, make_access, url_of
from scratchgpt.serving.server import make_server
from scratchgpt.text import train_bpe


def random_model() -> ServedModel:
    tokenizer = add_markers(train_bpe([Path(__file__).read_text(encoding="utf-8")], 512))
    sizes = {"n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256}
    model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
    return ServedModel.of_text("tiny", model, tokenizer)


def resident_mib() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def is_good(status: Any) -> bool:
    return status in (200, "closed") or (isinstance(status, int) and 400 <= status < 500)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of a chat model")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    served = ServedModel.of_text("tiny", *load_model(arguments.model)) if arguments.model else None
    served = served or random_model()
    failures: list[str] = []
    service = Service(
        served, make_access("127.0.0.1"), on_failure=lambda error: failures.append(repr(error))
    )
    order = load.Order(service)
    listener = bind("127.0.0.1", 0)
    url, ready = url_of(listener), threading.Event()
    server = make_server(service, ready.set)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    ready.wait()
    loads: dict[str, Callable[..., Any]] = {
        "200 requests by 8 clients": load.many_requests,
        "50 clients that vanish": load.vanishing_clients,
        "1,000 malformed requests": load.malformed_requests,
    }
    n_threads, is_all_good = None, True
    with multiprocessing.get_context("spawn").Pool(1) as clients:
        clients.apply(load.many_requests, (url, 1, 3))  # load the kernels, start all threads
        print(json.dumps({"threads": threading.active_count(), "MiB": resident_mib()}))
        for round_ in range(arguments.rounds):
            for name, run in loads.items():
                first = len(order.arrived)
                began = time.perf_counter()
                result = clients.apply(run, (url,))
                # A last request waits until those of the clients that vanished have ended.
                after = clients.apply(load.many_requests, (url, 1, 1))
                seconds = time.perf_counter() - began
                gc.collect()
                statuses = {**(result if isinstance(result, dict) else {"begun": result})}
                print(
                    json.dumps(
                        {
                            "round": round_ + 1,
                            "load": name,
                            "statuses": {
                                str(key): n for key, n in sorted(statuses.items(), key=str)
                            },
                            "seconds": round(seconds, 1),
                            "threads": threading.active_count(),
                            "MiB": resident_mib(),
                            "requests in memory": len(order.jobs),
                            "arrived": len(order.arrived) - first,
                            "order is fair": order.is_fair,
                        }
                    ),
                    flush=True,
                )
                n_threads = n_threads or threading.active_count()
                is_all_good &= all(map(is_good, set(statuses) - {"begun"})) and set(after) == {200}
                is_all_good &= order.is_fair and threading.active_count() == n_threads
    server.should_exit = True
    thread.join()
    service.close()
    listener.close()
    print(json.dumps({"failures": failures, "threads at the end": threading.active_count()}))
    return 0 if is_all_good and not failures else 1


if __name__ == "__main__":
    sys.exit(main())
