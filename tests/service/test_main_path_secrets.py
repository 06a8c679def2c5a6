"""What must stay inside: keys nowhere, topics and prompts in no log.

The fixtures `stack` and `bare` look for them again, in all that every test of this folder has left behind.
"""

import json

from tests.scripted_model import NAMED, HttpError, Rule, client_error
from tests.service.stack import KEY, Json, Stack
from tests.waiting import until

TOPIC = "The Cipher of Bellaso"


def lines_of(stack: Stack, name: str) -> list[Json]:
    logs = [path.read_text() for path in stack.folder.glob(f"*-{name}.log")]
    return [json.loads(line) for log in logs for line in log.splitlines()]


def test_the_model_server_gets_the_key_and_nobody_else_sees_it(stack: Stack) -> None:
    stack.model.use(
        [
            Rule(kind="section", index=2, times=2, do=NAMED["500"]),
            Rule(kind="section", index=4, times=1, do=NAMED["reset"]),
        ]
    )
    stack.when(stack.submit(TOPIC, instructions="Whisper."), "completed")

    assert {call.headers["authorization"] for call in stack.model.calls()} == {f"Bearer {KEY}"}
    assert stack.leaks() == []


def test_a_server_that_says_the_key_aloud_is_not_repeated(stack: Stack) -> None:
    aloud = f"Incorrect API key provided: {KEY}. You can find your key in the dashboard."
    for status in (400, 401, 403, 404, 422):
        stack.model.use([Rule(kind="outline", do=client_error(status, aloud))])
        stack.when(stack.submit(TOPIC), "failed")
    stack.model.use([Rule(kind="outline", times=2, do=HttpError(status=500, message=aloud))])
    stack.when(stack.submit(TOPIC, sections=1), "completed")

    assert stack.leaks() == []


def test_a_request_that_is_refused_is_not_repeated_in_the_log(stack: Stack) -> None:
    word = "Bellaso's own words"
    for body in (f'{{"topic": "{word}", "colour": 1}}', f'{{"topic": "{word}"', f'{{"topic": 1, "tone": "{word}"}}'):
        answer = stack.http.post("/reports", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}
    stack.http.get(f"/reports/{word}")

    assert [path for path in stack.folder.glob("*.log") if word in path.read_text()] == []


def test_every_line_of_a_log_is_json_and_names_its_request_or_job(stack: Stack) -> None:
    answer = stack.http.post("/reports", json={"topic": TOPIC, "sections": 2}, headers={"X-Request-Id": "from-a-test"})
    job_id = answer.json()["jobId"]
    stack.when(job_id, "completed")
    until(lambda: [line for line in lines_of(stack, "worker") if line["event"] == "job.ended"])
    api, worker = lines_of(stack, "api"), lines_of(stack, "worker")

    assert all({"event", "level", "timestamp"} <= line.keys() for line in api + worker)
    answered = [line for line in api if line["event"] == "request.answered"]
    assert all(line["request_id"] for line in answered)
    [mine] = [line for line in answered if line["request_id"] == answer.headers["X-Request-Id"] == "from-a-test"]
    assert (mine["job_id"], mine["method"], mine["route"], mine["status"]) == (job_id, "POST", "/reports", 202)
    about_jobs = [line for line in worker if line["event"].startswith(("job.", "step."))]
    assert all(line["job_id"] for line in about_jobs)
    assert [line["event"] for line in about_jobs if line["job_id"] == job_id] == ["job.ended"]
