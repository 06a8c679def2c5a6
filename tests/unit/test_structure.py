"""The source tree keeps the rules that CONTRIBUTING.md states and no linter checks."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "aether"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 40
# A job or a part of it: as the domain has it, as the API shows it, and as a client reads it.
ONE_IDEA_EACH = {"domain", "api", "cli"}


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def stem(word: str) -> str:
    """Return what `deliver`, `delivery` and `deliveries` have in common."""
    return re.sub(r"(ies|es|s|y|e)$", "", word) if len(word) > 4 else word.removesuffix("s")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def missing_words(path: Path) -> list[str]:
    """Return the words of the module's name that the first line of its docstring lacks."""
    name = path.parent.name if path.stem in {"__init__", "__main__"} else path.stem
    line = first_line(path).lower().replace("-", "").replace(" ", "")
    return [word for word in name.split("_") if stem(word) not in line]


def test_a_docstring_begins_with_the_words_of_its_modules_name() -> None:
    assert {named(path): words for path in MODULES if (words := missing_words(path))} == {}


def test_no_two_classes_have_one_name_but_where_they_are_one_idea() -> None:
    found = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(named(path))
    packages = {name: [path.partition("/")[0] for path in paths] for name, paths in found.items()}

    assert [name for name, each in packages.items() if len(each) > len(ONE_IDEA_EACH.intersection(each)) > 0] == []
    assert [name for name, each in packages.items() if len(each) > 1 and not ONE_IDEA_EACH.issuperset(each)] == []


def test_no_module_is_longer_than_it_may_be() -> None:
    lengths = {named(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}

    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_no_function_is_longer_than_it_may_be() -> None:
    lengths = {
        f"{named(path)}:{each.name}": (each.end_lineno or 0) - each.lineno + 1
        for path in MODULES
        for each in functions(path)
    }

    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}
