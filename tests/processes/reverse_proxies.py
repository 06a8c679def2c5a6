"""Reverse proxies: a real nginx and a real Caddy in front of an API, as Debian packages them, on loopback addresses."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.processes.process import Process
from tests.waiting import until

_NGINX = """
daemon off; master_process off; pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;
    server {{
        listen 127.0.0.1:{port};
        location {prefix}/ {{
            proxy_pass {api}/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Prefix {prefix_header};
        }}
    }}
}}
"""
_CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    bind 127.0.0.1
    encode gzip {{
        minimum_length 1
        match header Content-Type *
    }}
    handle_path {prefix}/* {{
        reverse_proxy {address} {{
            header_up X-Forwarded-Prefix {prefix_header}
        }}
    }}
}}
"""


class ReverseProxy(NamedTuple):
    """A kind of proxy: its program, its configuration, and the arguments that it is started with."""

    program: str
    configuration: str
    arguments: Callable[[Path], list[str]]

    @property
    def is_installed(self) -> bool:
        """Whether this machine has it."""
        return self.path is not None

    @property
    def path(self) -> str | None:
        """Where the program is; Debian keeps that of nginx outside the usual path."""
        return shutil.which(self.program, path=f"{os.environ['PATH']}:/usr/sbin")

    @contextmanager
    def serve(self, folder: Path, api: str, prefix: str = "") -> Iterator[str]:
        """Run the proxy, which compresses all that it may and strips the prefix; yield the URL at which it answers."""
        port = _free_port()
        configuration = folder / self.program
        configuration.write_text(
            self.configuration.format(
                folder=folder,
                port=port,
                api=api.rstrip("/"),
                address=api.rstrip("/").removeprefix("http://"),
                prefix=prefix,
                prefix_header=prefix or '""',
            )
        )
        environment = os.environ | dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
        process = Process([str(self.path), *self.arguments(configuration)], environment, folder / f"{self.program}.log")
        try:
            until(lambda: not process.running or _answers(port))
            assert process.running, process.tail()
            yield f"http://127.0.0.1:{port}{prefix}"
        finally:
            process.end()


NGINX = ReverseProxy("nginx", _NGINX, lambda file: ["-p", str(file.parent), "-c", str(file), "-e", "stderr"])
CADDY = ReverseProxy("caddy", _CADDY, lambda file: ["run", "--adapter", "caddyfile", "--config", str(file)])


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
