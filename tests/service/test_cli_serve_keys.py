"""Keys of `aether serve`: created while it runs, needed by other users, and lent to its own user.

The commands of docs/identity.md about keys are run here unchanged.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.scripted_model import Hang, Rule, ScriptedModel, Setup
from tests.service.test_cli_serve import processes_of, run, serving
from tests.waiting import PATIENCE_S, until

BIN = Path(sys.executable).parent
DOCUMENT = (Path(__file__).parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
ABOUT_KEYS = DOCUMENT[DOCUMENT.index("## Keys") : DOCUMENT.index("## Tokens of an identity provider")]
BLOCKS = re.findall(r"^```console\n(.*?)^```", ABOUT_KEYS, re.MULTILINE | re.DOTALL)
COMMANDS = [re.findall(r"^\$ (.*)$", block, re.MULTILINE) for block in BLOCKS]
TOPIC = "The Roman Empire"
NO_JOB = "0b8e8a3e-2f58-4a5c-9d0b-6f4f6f1f8f11"

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")


class Served(NamedTuple):
    """`aether serve` with the keys `ada` and `eve`."""

    home: Path
    url: str
    environment: dict[str, str]
    model: ScriptedModel
    ada: str
    eve: str

    def run(self, *arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
        return run(self.environment | ({"AETHER_API_KEY": key} if key else {}), *arguments)

    def get(self, path: str, key: str) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {key}"})

    def submit(self, key: str) -> str:
        """The id of a new report."""
        sent = {"Authorization": f"Bearer {key}"}
        job_id: str = httpx2.post(f"{self.url}/reports", json={"topic": TOPIC}, headers=sent).json()["jobId"]
        return job_id


def settings_of(home: Path, model: ScriptedModel) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
    inherited.pop("REDIS_URL", None)
    return inherited | {
        "AETHER_DATA_DIR": str(home),
        "AETHER_SHUTDOWN_GRACE": "1",
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "k",
    }


def create_key(environment: dict[str, str], *arguments: str) -> str:
    done = run(environment, "keys", "create", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def lent_key(home: Path) -> str:
    key: str = json.loads((home / "server.json").read_text())["key"]
    return key


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(Setup(sections=2)) as model:
        yield model


@pytest.fixture(scope="module")
def serving_with_keys(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served") / "home"
    environment = settings_of(home, model)
    with serving(environment, home):
        url = json.loads((home / "server.json").read_text())["url"]
        assert httpx2.get(f"{url}/reports").status_code == 200
        served = Served(home, url, environment, model, create_key(environment, "ada"), create_key(environment, "eve"))
        until(lambda: httpx2.get(f"{url}/reports").status_code == 401)
        yield served


@pytest.fixture
def served(serving_with_keys: Served, model: ScriptedModel) -> Served:
    model.use([], Setup(sections=2))
    return serving_with_keys


def test_new_keys_are_valid_at_once(served: Served) -> None:
    keys = (served.ada, served.eve, create_key(served.environment, "new"))

    assert [served.get("/reports", key).status_code for key in keys] == [200] * 3


def test_two_owners_never_see_each_others_jobs(served: Served) -> None:
    report = served.run("report", TOPIC, key=served.ada)
    job_id = report.stderr.splitlines()[0].rpartition("/")[2]

    seen = {name: served.run("watch", job_id, key=key) for name, key in (("ada", served.ada), ("eve", served.eve))}

    assert (report.returncode, seen["ada"].stdout) == (0, report.stdout), report.stderr
    assert report.stdout.startswith(f"# {TOPIC}\n\n## I. ")
    assert (seen["eve"].returncode, seen["eve"].stdout) == (1, "")
    assert seen["eve"].stderr == "Error: No job with this id exists; it may have expired.\n"
    assert [len(served.get("/reports", key).json()["reports"]) for key in (served.ada, served.eve)] == [1, 0]


def test_the_user_of_the_server_needs_no_key_and_is_the_owner_local(served: Served) -> None:
    report = served.run("report", TOPIC)
    job_id = report.stderr.splitlines()[0].rpartition("/")[2]

    assert (report.returncode, report.stderr.splitlines()[0]) == (0, f"accepted: {served.url}/reports/{job_id}")
    assert served.get(f"/reports/{job_id}", served.ada).status_code == 404
    assert served.get(f"/reports/{job_id}", lent_key(served.home)).status_code == 200
    assert served.get("/webhooks/endpoint", lent_key(served.home)).status_code == 404, "admin, but there is none"


def test_the_lent_key_is_in_a_private_file_and_nowhere_else(served: Served) -> None:
    file, key = served.home / "server.json", lent_key(served.home).encode()
    places = [path for path in served.home.parent.rglob("*") if path.is_file() and key in path.read_bytes()]
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in processes_of(served.home)]

    assert places == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert environments
    assert not any(key in environment for environment in environments)


def test_a_refused_key_is_an_error_that_names_the_setting(served: Served) -> None:
    reader = create_key(served.environment, "reader", "--scope", "read")

    reports = [served.run("report", TOPIC, key=key) for key in (reader, reader[:-1] + "~")]
    stranger = run(served.environment | {"AETHER_API_KEY": ""}, "watch", NO_JOB, "--url", served.url)

    assert [done.returncode for done in (*reports, stranger)] == [2, 2, 2]
    assert "does not let the key in AETHER_API_KEY do this.\n  This takes the scope write" in reports[0].stderr
    assert "does not take the key in AETHER_API_KEY.\n  The key is not valid." in reports[1].stderr
    assert "asks who calls. Set AETHER_API_KEY" in stranger.stderr


def test_when_revoke_returns_the_key_is_refused(served: Served) -> None:
    key = create_key(served.environment, "brief")
    before = served.get("/reports", key).status_code

    revoked = served.run("keys", "revoke", "brief")
    after = served.get("/reports", key)

    assert (before, revoked.returncode, after.status_code) == (200, 0, 401)
    assert after.json()["detail"] == "The key was revoked."


def test_when_rotate_returns_the_old_key_is_refused_and_the_new_one_is_valid(served: Served) -> None:
    old = create_key(served.environment, "rotated")

    rotated = served.run("keys", "rotate", "rotated")
    answers = [served.get("/reports", key).status_code for key in (old, rotated.stdout.strip())]

    assert answers == [401, 200]


def test_a_private_server_makes_a_report_where_there_are_keys(tmp_path: Path, model: ScriptedModel) -> None:
    """The key was created while no server ran."""
    home = tmp_path / "home"
    environment = settings_of(home, model)
    create_key(environment, "ada")
    until(lambda: processes_of(home) == [])

    report = run(environment, "report", TOPIC)

    assert report.returncode == 0, report.stderr
    assert "starting a private server" in report.stderr
    assert report.stdout.startswith(f"# {TOPIC}\n\n## I. ")
    assert not (home / "server.json").exists()


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[Served]:
    """Another server, which had a key when it started; its path is too long for the socket of the store."""
    home = tmp_path_factory.mktemp("another") / ("quite " * 20)
    environment = settings_of(home, model)
    keys = [create_key(environment, name) for name in ("ada", "eve")]
    with serving(environment, home):
        yield Served(home, json.loads((home / "server.json").read_text())["url"], environment, model, *keys)


def test_a_lent_key_is_valid_at_its_server_only(served: Served, another: Served) -> None:
    keys = (lent_key(served.home), lent_key(another.home))

    assert [served.get("/reports", key).status_code for key in keys] == [200, 401]
    assert [another.get("/reports", key).status_code for key in keys] == [401, 200]


def test_the_example_request_of_a_server_with_keys_has_a_key(another: Served) -> None:
    log = another.home.parent / "log"
    until(lambda: "Aether is ready" in log.read_text())

    assert '/reports -H "Authorization: Bearer $KEY" -H' in log.read_text()


def test_a_store_whose_socket_is_in_another_folder_is_found(another: Served) -> None:
    key = create_key(another.environment, "new")

    assert [another.get("/reports", each).status_code for each in (key, another.ada)] == [200, 200]


class Terminal:
    """Runs the commands of the document in order, and keeps the shell variables between them."""

    def __init__(self, served: Served, folder: Path) -> None:
        self._port = served.url.rpartition(":")[2]
        self._environment = served.environment | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HTTPIE_CONFIG_DIR": str(folder),
            "KEY": served.ada,
        }

    def run(self, line: str, job_id: str = "") -> str:
        """Return what goes to stdout; a variable that the line sets is kept, and its value returned."""
        line = line.replace("127.0.0.1:8000", f"127.0.0.1:{self._port}").replace(" :8000", f" :{self._port}")
        line = re.sub(r"^http ", "http --ignore-stdin --check-status --body ", line.replace("0d2f6c1e-…", job_id))
        line = re.sub(r"^curl ", "curl -sSf ", line)
        variable = re.match(r"(\w+)=", line)
        script = f'{line}; printf %s "${variable[1]}"' if variable else line
        done = subprocess.run(
            ["sh", "-c", script], env=self._environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, (line, done.stderr)
        if variable:
            self._environment[variable[1]] = done.stdout
        return done.stdout


@pytest.fixture
def terminal(served: Served, tmp_path: Path) -> Terminal:
    return Terminal(served, tmp_path / "httpie")


def commands(*beginnings: str) -> list[str]:
    return [line for block in COMMANDS for line in block if line.startswith(beginnings)]


def test_every_command_of_the_document_is_run() -> None:
    lines = [line for block in COMMANDS for line in block]

    assert lines == [
        line for line in lines if line in commands("KEY=", "aether keys ", "curl ", "http --session=aether ")
    ]
    assert [len(block) for block in COMMANDS] == [3, 2, 5, 2]


def test_the_commands_of_the_document_create_and_revoke_keys(served: Served, terminal: Terminal) -> None:
    outputs = {line: terminal.run(line) for line in commands("KEY=", "aether keys ")}

    (listed,) = [text for line, text in outputs.items() if line == "aether keys list"]
    assert [name in listed for name in (" ci ", " dashboard ")] == [True, True]
    first, last = (text for line, text in outputs.items() if line.startswith("KEY="))
    assert [served.get("/reports", key).status_code for key in (first, last)] == [200, 200], "they overlap"
    dashboards = next(text for line, text in outputs.items() if line.startswith("aether keys create dashboard"))
    assert served.get("/reports", dashboards.strip()).status_code == 401


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_commands_of_the_document_work(served: Served, terminal: Terminal) -> None:
    job_id = served.submit(served.ada)

    answers = [json.loads(terminal.run(line, job_id)) for line in commands("curl ")]

    assert [answer["jobId"] != job_id for answer in answers] == [True, False]


def test_an_httpie_session_keeps_the_key(served: Served, terminal: Terminal, tmp_path: Path) -> None:
    """Submit, poll, follow and cancel work without the key."""
    login, submit, poll, follow, cancel = commands("http ")
    assert [("KEY" in line) for line in (login, submit, poll, follow, cancel)] == [True] + [False] * 4

    terminal.run(login)
    job_id = json.loads(terminal.run(submit))["jobId"]
    events = terminal.run(follow, job_id)
    report = json.loads(terminal.run(poll, job_id))
    served.model.use([Rule(do=Hang())])
    cancelled = json.loads(terminal.run(cancel, served.submit(served.ada)))

    assert served.get(f"/reports/{job_id}", served.ada).status_code == 200, "it is the key's owner's"
    assert (report["jobId"], report["status"], cancelled["status"]) == (job_id, "completed", "cancelled")
    assert [f"event: {name}\n" in events for name in ("snapshot", "completed")] == [True, True]
    (session,) = (tmp_path / "httpie" / "sessions").rglob("aether.json")
    assert stat.S_IMODE(session.parent.stat().st_mode) == 0o700, "as the document says"


def test_httpie_without_the_session_is_refused(terminal: Terminal) -> None:
    terminal.run(commands("http ")[0])

    with pytest.raises(AssertionError, match="401"):
        terminal.run("http :8000/reports")


def test_a_session_keeps_headers_unless_it_is_only_read(terminal: Terminal, tmp_path: Path) -> None:
    """The document warns of this, and says what to do."""
    terminal.run(commands("http ")[0])
    terminal.run("http --session-read-only=aether :8000/reports Prefer:wait=1")
    (session,) = (tmp_path / "httpie" / "sessions").rglob("aether.json")
    read_only = session.read_text()
    terminal.run("http --session=aether :8000/reports Prefer:wait=1")

    assert ["Prefer" in text for text in (read_only, session.read_text())] == [False, True]
