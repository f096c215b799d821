import numpy as np
import pytest

from scratchgpt.timeseries.selection.stepwise import MOVES, Candidate, Limits, grid, stepwise

WIDE = Limits(5, 5, 2, 2)
START = Candidate(2, 2, 1, 1, True)


def walk(criterion, start=START, limits=WIDE, constant=True, n_models=94):
    """Return the models in the order of trying, and whether each is marked as a neighbor."""
    path, neighbors = [], []

    def evaluate(candidate, is_neighbor):
        path.append(candidate)
        neighbors.append(is_neighbor)
        return criterion(candidate)

    stepwise(evaluate, start, limits, constant=constant, n_models=n_models)
    return path, neighbors


def distance(target):
    return lambda each: float(sum(abs(a - b) for a, b in zip(each, target, strict=True)))


def test_the_search_starts_with_five_models():
    path, neighbors = walk(lambda each: 0.0)
    assert path[:5] == [
        START,
        Candidate(0, 0, 0, 0, True),
        Candidate(1, 0, 1, 0, True),
        Candidate(0, 1, 0, 1, True),
        Candidate(0, 0, 0, 0, False),
    ]
    assert neighbors[:5] == [False] * 5
    assert all(neighbors[5:])


def test_the_neighbors_have_the_order_of_r():
    path, _ = walk(lambda each: -float(each == START))
    around = [tuple(np.subtract(each[:4], START[:4])) for each in path[5:-1]]
    assert around == [
        *((0, 0, -1, 0), (0, 0, 0, -1), (0, 0, 1, 0), (0, 0, 0, 1)),
        *((0, 0, -1, -1), (0, 0, -1, 1), (0, 0, 1, -1), (0, 0, 1, 1)),
        *((-1, 0, 0, 0), (0, -1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0)),
        *((-1, -1, 0, 0), (-1, 1, 0, 0), (1, -1, 0, 0), (1, 1, 0, 0)),
    ]
    assert path[-1] == START._replace(constant=False)
    assert len(MOVES) == 16


@pytest.mark.parametrize("target", [(0, 0, 0, 0, True), (5, 5, 2, 2, False), (4, 0, 1, 2, True)])
def test_the_search_finds_a_unique_minimum_and_tries_no_model_twice(target):
    path, _ = walk(distance(target))
    assert Candidate(*target) in path
    assert len(set(path)) == len(path)


def test_the_search_stays_within_the_limits():
    path, _ = walk(lambda each: -float(sum(each)), Candidate(1, 0, 0, 0, True), Limits(1, 2, 0, 1))
    assert all(Limits(1, 2, 0, 1).allow(each) for each in path)
    assert Candidate(1, 2, 0, 1, True) in path


def test_without_a_constant_no_model_has_one():
    path, _ = walk(distance(START), START._replace(constant=False), constant=False)
    assert not any(each.constant for each in path)
    assert path.count(Candidate(0, 0, 0, 0, False)) == 1


def test_after_the_model_without_terms_the_search_continues_with_a_constant_as_in_r():
    bare = Candidate(0, 0, 0, 0, False)
    path, _ = walk(lambda each: -float(each == bare))
    after = path[5:]
    assert after[0] == Candidate(0, 0, 1, 0, True)
    assert all(each.constant for each in after)


@pytest.mark.parametrize("n_models", [1, 7, 20])
def test_the_search_stops_after_n_models(n_models):
    path, _ = walk(distance((5, 5, 2, 2, False)), n_models=n_models)
    assert len(path) == max(n_models, 5)  # the five initial models are always tried


def test_the_search_does_not_move_to_rejected_models():
    path, _ = walk(lambda each: np.inf)
    # No model is better than infinity, so only the neighbors of the start are tried.
    assert len(path) == 22


def test_the_grid_is_all_models_once():
    models = list(grid(Limits(2, 1, 1, 0), 9, constant=True))
    assert len(models) == len(set(models)) == 3 * 2 * 2 * 2
    few = list(grid(WIDE, 3, constant=False))
    assert len(few) == 35 - 2  # P and Q are at most 2
    assert all(sum(each[:4]) <= 3 and not each.constant for each in few)
