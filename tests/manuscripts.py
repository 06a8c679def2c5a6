"""Manuscripts: an ordinary one, and those of hostile texts."""

from datetime import UTC, date, datetime

from aether.documents.manuscript import Chapter, CitedSource, Manuscript
from aether.domain.derived_section import GlossaryEntry

CREATED_AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
JOB_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11"
TEXT = """The Republic **grew** out of a village, and *nobody* planned it. Its `Senate` was
[old](https://example.org/senate)[^1]. Later writers tell of it [2].

### Offices

| Office | Number |
|:--|--:|
| Consul | 2 |

1. First, the assembly met.
2. Then it voted:
   - by tribe,
   - or by century.

> The safety of the people shall be the highest law.

```python
def consuls(): ...
```

- [ ] open
- [x] settled

![a map](https://example.org/map.png)

***

[^1]: As Polybius describes it.
"""


def manuscript(*texts: str, **fields: object) -> Manuscript:
    """Return the manuscript of a report whose sections have these texts."""
    chapters = tuple(Chapter(f"{number}. Section", text) for number, text in enumerate(texts, start=1))
    known = {"noun": "report", "title": "Rome", "job_id": JOB_ID, "created_at": CREATED_AT, "chapters": chapters}
    return Manuscript(**{**known, **fields})  # type: ignore[arg-type]  # the fields are of different types


def whole_manuscript() -> Manuscript:
    """Return a manuscript that has every part."""
    return manuscript(
        TEXT,
        TEXT,
        model="gpt-4.1-mini",
        summary="Rome grew from a **village** into an empire.",
        key_points=("Power was shared.", "Roads paid for themselves."),
        conclusion="It ended slowly.",
        glossary=(GlossaryEntry("Consul", "The highest *office*."),),
        sources=(
            CitedSource(1, "Never cited"),
            CitedSource(2, "Histories", "https://example.org/p", date(2026, 11, 29)),
        ),
    )


def _table(columns: int) -> str:
    row = "|".join(f"value {at} and more" for at in range(columns))
    return f"|{row}|\n|{'-|' * columns}\n" + f"|{row}|\n" * 3


HOSTILE = {
    "HTML": "<h1>a</h1>\n\n<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> &lt;b&gt; <!-- c --> <![CDATA[",
    "open marks": "**bold _it `code\n\n| a | b |\n|--\n\n```python\nnever closed <b>",
    "Typst": '#set page(width: 1cm) #read("/etc/passwd") #import "@preview/x:1.0.0" $x$ @cite <label> #eval("1")',
    "TeX": "\\input{/etc/passwd} \\write18{id} $$x$$ %",
    "one long word": "x" * 10_000,
    "one long address": "see https://example.org/" + "a/b?c=d&" * 400,
    "8 columns": _table(8),
    "20 columns": _table(20),
    "60 columns": _table(60),
    "300 columns": _table(300),
    "a table in a list": "- a\n\n  |a|b|c|d|e|f|g|h|i|j|\n  |-|-|-|-|-|-|-|-|-|-|\n  |1|2|3|4|5|6|7|8|9|0|",
    "nested lists": "".join("  " * at + f"- level {at}\n" for at in range(60)),
    "nested quotes": ">" * 300 + " deep quote",
    "nested numbers": "1. " * 60 + "deep",
    "lists and quotes": "- > 1. - > # heading\n" * 3,
    "links": "[a](javascript:alert(1)) [b](data:text/html,x) [c](file:///etc/passwd) [d](//e) [e](/rel) ![i](data:x)",
    "odd links": '[a](https://example.org/ü?q=" "t<x>") <https://example.org/%zz> [b](http://[::1) [c](mailto:a@b.c)',
    "headings": "# one\n\n###### six\n\n## two #\n\nSetext\n===",
    "code": "```\n" + "y" * 500 + "\n\ttab ``\n```\n\n    indented <code>",
    "footnotes": "a[^1] b[^2] c[^x] d[^1]\n\n[^1]: one\n[^2]: two with `code`\n\n    ###### more\n[^unused]: unused",
    "cells": "| a \\| b | c |\n|:-:|--:|\n| `x\\|y` | **b** |\n| | |",
    "emphasis": '*a***b***c* **a*b*c** _a_b_ foo**"bar"**baz ~~x~~ ** a **',
    "neighbouring lists": "- a\n- b\n\n* c\n\n1. x\n\n1) z\n\n5. five",
    "starts of blocks": "a  \n\\- b\\\n\\# c\n\\+ d\n1\\. e\n\\> f\n\n\\---\n\n\\===",
    "bidi controls": "abc\u202edcba\u202c and \u2066isolated\u2069 \u200f end",
    "controls": "a\x00b\x07c\x1b[31md\ufffee\ufdd0f",
    "many brackets": "[" * 9_000,
}
