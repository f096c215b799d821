import numpy as np
import pytest

from scratchgpt.timeseries.selection.stepwise import MOVES, Candidate, Limits, grid, stepwise

WIDE = Limits(5, 5, 2, 2)
START = Candidate(2, 2, 1, 1, True)


def walk(criterion, start=START, limits=WIDE, constant=True, n_models=94):
    """The models that are tried, and whether each is told to be a neighbour."""
    path, neighbours = [], []

    def evaluate(candidate, is_neighbour):
        path.append(candidate)
        neighbours.append(is_neighbour)
        return criterion(candidate)

    stepwise(evaluate, start, limits, constant=constant, n_models=n_models)
    return path, neighbours


def distance(target):
    return lambda each: float(sum(abs(a - b) for a, b in zip(each, target, strict=True)))


def test_it_begins_with_five_models():
    path, neighbours = walk(lambda each: 0.0)
    assert path[:5] == [
        START,
        Candidate(0, 0, 0, 0, True),
        Candidate(1, 0, 1, 0, True),
        Candidate(0, 1, 0, 1, True),
        Candidate(0, 0, 0, 0, False),
    ]
    assert neighbours[:5] == [False] * 5
    assert all(neighbours[5:])


def test_the_neighbours_come_in_the_order_of_r():
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
def test_it_finds_the_only_minimum_and_tries_no_model_twice(target):
    path, _ = walk(distance(target))
    assert Candidate(*target) in path
    assert len(set(path)) == len(path)


def test_it_stays_within_the_limits():
    path, _ = walk(lambda each: -float(sum(each)), Candidate(1, 0, 0, 0, True), Limits(1, 2, 0, 1))
    assert all(Limits(1, 2, 0, 1).allow(each) for each in path)
    assert Candidate(1, 2, 0, 1, True) in path


def test_without_a_constant_none_is_tried():
    path, _ = walk(distance(START), START._replace(constant=False), constant=False)
    assert not any(each.constant for each in path)
    assert path.count(Candidate(0, 0, 0, 0, False)) == 1


def test_from_a_bare_best_model_it_goes_on_with_a_constant_as_r_does():
    bare = Candidate(0, 0, 0, 0, False)
    path, _ = walk(lambda each: -float(each == bare))
    after = path[5:]
    assert after[0] == Candidate(0, 0, 1, 0, True)
    assert all(each.constant for each in after)


@pytest.mark.parametrize("n_models", [1, 7, 20])
def test_it_ends_after_so_many(n_models):
    path, _ = walk(distance((5, 5, 2, 2, False)), n_models=n_models)
    assert len(path) == max(n_models, 5)  # the beginnings are always tried


def test_models_that_are_refused_lead_nowhere():
    path, _ = walk(lambda each: np.inf)
    # Nothing is better than infinity, so it looks around where it began.
    assert len(path) == 22


def test_the_grid_is_all_models_once():
    models = list(grid(Limits(2, 1, 1, 0), 9, constant=True))
    assert len(models) == len(set(models)) == 3 * 2 * 2 * 2
    few = list(grid(WIDE, 3, constant=False))
    assert len(few) == 35 - 2  # P and Q end at 2
    assert all(sum(each[:4]) <= 3 and not each.constant for each in few)
