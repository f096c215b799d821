"""The claims of the guide "check your own kernel" about its reports are true."""

import pytest


@pytest.fixture(scope="module")
def page(docs, execution):
    """The names that the code blocks of the guide define."""
    return execution.run_page(docs / "guides" / "check_your_own_kernel.md")


def failing(report):
    return {row.name for row in report.inputs if not row.passed}


def test_the_draft_is_caught_and_only_the_wrong_inputs_are_named(page):
    assert failing(page["draft_report"]) == {"x", "branch"}
    assert page["draft_report"]["weight"].error < 1e-12
    assert not page["draft_report"].violations


def test_the_draft_has_the_same_error_for_both_inputs_at_the_same_index(page):
    x, branch = page["draft_report"]["x"], page["draft_report"]["branch"]
    assert x.index == branch.index
    assert x.error == pytest.approx(branch.error)
    assert x.error > 0.1


def test_an_upstream_gradient_of_ones_hides_the_bug(page):
    assert abs(page["dx"]).max() < 1e-12


def test_checking_one_output_shows_that_its_gradient_is_never_used(page):
    row = page["total_report"]["x"]
    assert row.backward == 0
    assert abs(row.numerical) > 0.1


def test_the_second_bug_is_found_only_with_a_weight_away_from_one(page):
    assert failing(page["second_report"]) == {"x", "branch"}
    assert page["unit_report"].passed


def test_the_second_bug_is_smaller_than_the_first(page):
    assert page["second_report"].worst_error < page["draft_report"].worst_error


def test_the_kernel_is_proven_by_each_method_and_in_both_precisions(page):
    assert page["report"].passed
    assert page["central_report"].passed
    assert page["single_report"].passed
    assert page["worst"] < 1e-12


def test_finite_differences_are_precise_enough_for_either_bug(page):
    assert page["second_report"].worst_error > 1e5 * page["central_report"].worst_error
