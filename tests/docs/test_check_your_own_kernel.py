"""The guide of that name does what it says: each claim it makes about a report is true of it."""

import pytest


@pytest.fixture(scope="module")
def page(docs, execution):
    """The names that the guide's code has defined, from its first block to its last."""
    return execution.run_page(docs / "guides" / "check_your_own_kernel.md")


def failing(report):
    return {row.name for row in report.inputs if not row.passed}


def test_the_draft_is_caught_and_only_the_wrong_inputs_are_named(page):
    assert failing(page["draft_report"]) == {"x", "branch"}
    assert page["draft_report"]["weight"].error < 1e-12
    assert not page["draft_report"].violations


def test_the_draft_is_as_wrong_for_the_one_as_for_the_other_and_at_the_same_place(page):
    x, branch = page["draft_report"]["x"], page["draft_report"]["branch"]
    assert x.index == branch.index
    assert x.error == pytest.approx(branch.error)
    assert x.error > 0.1


def test_the_ones_test_sees_nothing(page):
    assert abs(page["dx"]).max() < 1e-12


def test_looking_at_one_output_shows_that_its_gradient_is_never_used(page):
    row = page["total_report"]["x"]
    assert row.backward == 0
    assert abs(row.numerical) > 0.1


def test_the_second_bug_is_seen_only_with_a_weight_away_from_one(page):
    assert failing(page["second_report"]) == {"x", "branch"}
    assert page["unit_report"].passed


def test_the_second_bug_is_smaller_than_the_first(page):
    assert page["second_report"].worst_error < page["draft_report"].worst_error


def test_the_kernel_is_proven_by_each_method_and_in_both_precisions(page):
    assert page["report"].passed
    assert page["central_report"].passed
    assert page["single_report"].passed
    assert page["worst"] < 1e-12


def test_finite_differences_are_far_finer_than_either_bug(page):
    assert page["second_report"].worst_error > 1e5 * page["central_report"].worst_error
