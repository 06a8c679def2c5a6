"""The table of problems covers the error classes."""

from http import HTTPStatus

import pytest

from aether import errors
from aether.api.http.etag import is_current
from aether.api.http.job_problems import JOB_PROBLEMS
from aether.api.http.problems import PROBLEMS
from aether.durable import runner

CALLER_ERRORS = [
    error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.CallerError)
]


@pytest.mark.parametrize("error", [error for error in CALLER_ERRORS if error is not errors.CallerError])
def test_caller_errors_have_a_4xx_status(error: type[Exception]) -> None:
    row = next(PROBLEMS[base] for base in error.__mro__ if base in PROBLEMS)

    assert HTTPStatus.BAD_REQUEST <= row.status < HTTPStatus.INTERNAL_SERVER_ERROR


def test_each_problem_type_has_one_status_and_one_title() -> None:
    rows = {row.word: (row.status, row.title) for row in PROBLEMS.values()}

    assert all(rows[row.word] == (row.status, row.title) for row in PROBLEMS.values())


def test_every_problem_type_of_failed_jobs_has_a_title() -> None:
    of_an_unlisted_error = runner.describe_failure(errors.UnusableOutputError("empty")).type

    assert {of_an_unlisted_error, *runner._TYPES.values()} <= set(JOB_PROBLEMS)


@pytest.mark.parametrize(
    ("sent", "current"),
    [('"7"', True), ('W/"7"', True), ('"6","7"', True), (" * ", True), ('"77"', False), ("7", False), ("", False)],
)
def test_entity_tags_are_compared_weakly(sent: str, *, current: bool) -> None:
    assert is_current(sent, '"7"') is current
