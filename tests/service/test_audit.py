"""The look-up of what is locked among known vulnerabilities, with a database of our own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VULNERABILITY = {
    "schema_version": "1.6.0",
    "id": "GHSA-aaaa-bbbb-cccc",
    "summary": "It lets anybody in.",
    "published": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "leaky"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


class _Database(BaseHTTPRequestHandler):
    """Knows of one vulnerability, in `leaky`; fails when asked for `broken`."""

    def do_POST(self) -> None:
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        body = json.dumps({"vulns": [VULNERABILITY]} if name == "leaky" else {}).encode()
        self.send_response(503 if name == "broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def database() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Database) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audit(folder: Path, url: str, *names: str) -> subprocess.CompletedProcess[str]:
    lock = folder / "requirements.lock"
    lock.write_text("".join(f"{name}==1.0 --hash=sha256:{'0' * 64}\n" for name in names))
    settings = {"LOCK": str(lock), "PIP_AUDIT_OSV_URL": url, "BIN": str(Path(sys.executable).parent)}
    environment = os.environ | settings
    return subprocess.run([ROOT / ".ci" / "audit"], env=environment, capture_output=True, text=True, check=False)


def test_a_known_vulnerability_fails_and_is_named(tmp_path: Path, database: str) -> None:
    done = audit(tmp_path, database, "sound", "leaky")

    assert done.returncode == 1, done
    assert "GHSA-aaaa-bbbb-cccc" in done.stdout
    assert "leaky" in done.stdout


def test_what_has_none_passes(tmp_path: Path, database: str) -> None:
    done = audit(tmp_path, database, "sound")

    assert (done.returncode, done.stdout) == (0, "No known vulnerabilities found\n")


@pytest.mark.parametrize("names", [["sound"], ["broken"]], ids=["away", "broken"])
def test_without_its_data_it_is_skipped_with_a_word(tmp_path: Path, database: str, names: list[str]) -> None:
    url = database if names == ["broken"] else "http://127.0.0.1:1/"
    done = audit(tmp_path, url, *names)

    assert done.returncode == 0, done
    assert "The audit was skipped" in done.stderr


def test_an_audit_that_fails_by_itself_is_no_skipped_one(tmp_path: Path, database: str) -> None:
    done = audit(tmp_path, database, "not a requirement")

    assert done.returncode == 1
