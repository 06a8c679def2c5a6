"""Templates that come with the server: those that Aether ships, and those in the operator's folder.

Each is a file: `brief.json`, or `brief.md` with its Markdown form. `brief@2.json` is the second version; a file without
a number is the first one.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from aether.api.http.request import decode
from aether.api.http.request_errors import MalformedBodyError
from aether.api.templates.markdown_form import read_markdown
from aether.api.templates.schemas import TemplateBody, template_of
from aether.domain.template import Template, TemplateReference, TemplateSource, TemplateVersion
from aether.errors import ConfigurationError, FieldError
from aether.services.templates import ServerTemplates
from aether.settings import Settings

_NAME_RULE = "must be named with 1 to 64 of a-z, 0-9 and hyphens, with @ and the number of the version or without"
_FILE = re.compile(r"(?P<reference>.*)\.(?P<form>json|md)")


def server_templates(settings: Settings) -> ServerTemplates:
    """Return the templates by name; one of the operator's replaces a built-in one of its name, with all versions.

    Raises:
        ConfigurationError: the folder or a file in it cannot be read, or a template breaks a rule.
    """
    if settings.templates is None:
        return built_in_templates()
    try:
        found = _read_folder(settings.templates.iterdir(), TemplateSource.OPERATOR)
    except OSError as error:
        place = error.filename or settings.templates
        raise ConfigurationError(f"AETHER_TEMPLATES: {place} cannot be read ({error.strerror}).") from error
    return {**built_in_templates(), **found}


@cache
def built_in_templates() -> ServerTemplates:
    """Return the templates that Aether ships."""
    return _read_folder(files(__package__).joinpath("builtin_templates").iterdir(), TemplateSource.BUILT_IN)


def _read_folder(entries: Iterable[Traversable], source: TemplateSource) -> dict[str, list[TemplateVersion]]:
    found: dict[str, dict[int, Template]] = {}
    for file in entries:
        if parts := _FILE.fullmatch(file.name):
            reference = TemplateReference.parse(parts["reference"])
            if reference is None:
                raise ConfigurationError(f"AETHER_TEMPLATES: {file.name} {_NAME_RULE}.")
            versions = found.setdefault(reference.name, {})
            if versions.setdefault(reference.version or 1, template := _read(file, parts["form"])) is not template:
                raise ConfigurationError(f"AETHER_TEMPLATES: {file.name} is a version that another file is, too.")
    return {name: _versions(name, versions, source) for name, versions in found.items()}


def _read(file: Traversable, form: str) -> Template:
    try:
        content = file.read_bytes()
        body = read_markdown(content) if form == "md" else decode(content, TemplateBody)
    except (FieldError, MalformedBodyError) as error:
        raise ConfigurationError(f"AETHER_TEMPLATES: {file.name}: {error}") from error
    return template_of(body)  # type: ignore[arg-type]  # `decode` returns the type that it is given


def _versions(name: str, templates: dict[int, Template], source: TemplateSource) -> list[TemplateVersion]:
    numbers = tuple(sorted(templates))
    return [TemplateVersion(name, number, templates[number], numbers, source) for number in numbers]
