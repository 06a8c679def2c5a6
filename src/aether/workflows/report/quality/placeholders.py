"""Placeholders in a section: words that stand for something that the model has left to be filled in."""

import re

from aether.workflows.report.quality.blocks import mask_code
from aether.workflows.report.quality.guarded_pattern import GuardedPattern

_FILL_IN = (
    r"insert|your|todo|to-do|tbd|tba|citation needed|add|enter|fill in|replace|placeholder|name of|company name"
    r"|client name|author name|date here|describe|specify|to be (?:added|completed|determined|filled)"
    r"|hier|bitte|einfügen|ihre?|platzhalter|name de[rs]|quelle einfügen|nachweis fehlt"
    r"|insérer|insérez|votre|à compléter|ajouter|référence nécessaire|nom de"
    r"|insertar|inserte|su|añadir|completar|por completar|cita requerida|nombre de(?:l| la)?|inserir|seu|inserire"
    r"|вставьте|вставить|ваш[аеи]?|добавить|укажите|требуется источник|أدخل|أضف|اسم"
)
_FILL_IN_HAN = (
    r"插入|填写|填寫|请(?:在此)?(?:插入|填写|输入|补充)|待(?:补充|定|填)|此处|您的|需要引用|ここに|要出典|挿入"
    r"|여기에|삽입"
)
_BRACKETED = re.compile(
    rf"\[(?:(?:{_FILL_IN})\b[^\[\]\n]{{1,80}}|(?:todo|tbd|tba|citation needed|nachweis fehlt|placeholder|platzhalter"
    rf"|insert here|à compléter|por completar)|(?:{_FILL_IN_HAN})[^\[\]\n]{{0,80}}|[^\[\]\n]{{1,60}}\b(?:einfügen"
    r"|goes here|here|ergänzen))\](?![(\[])"
    r"|\[(?:year|name|date|number|city|country|company|source|author|link|reference|statistic|figure)s?\](?![(\[])"
    r"|[(<](?:insert|citation needed|add (?:a )?(?:source|reference))\b[^()<>\n]{0,80}[)>]"
    rf"|【(?:{_FILL_IN_HAN})[^】\n]{{0,80}}】",
    re.IGNORECASE,
)
_WORDED = re.compile(
    r"\blorem ipsum\b|\b(?:is|as|this) (?:is )?(?:just |only )?an? placeholder (?:for (?:the|this|future|further|more"
    r"|real|actual|your|any)\b|text\b|section\b|paragraph\b)|\bplaceholder (?:text|content|paragraph)\b"
    r"|\b(?:replace|fill) this (?:text|placeholder|section|paragraph)\b|\bPlatzhaltertext\b|\btexto de relleno\b",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"(?<![\w.])X{1,3}(?:[.,]X{1,2})?\s?(?:%|percent\b|per cent\b|Prozent\b|million\b|billion\b)|[$€£]X{1,3}\b"
    r"|\b(?:19|20)XX\b|\b[Hh]ypothetical [A-Z]\w{1,30} [A-Z0-9]\b|\bCompany (?:XYZ|ABC)\b"
    r"|\b(?:TODO|TBD)\b(?=\s*[:.\])]|\s*$)",
    re.MULTILINE,
)
_ADDRESS = re.compile(r"\b(?:www\.)?example\.(?:com|org|net)\b", re.IGNORECASE)
_PROMPT_TAG = re.compile(
    r"<<[^<>\n]{1,80}>>|<<\w[^\s<>]{2,80}|</?(?:topic|outline|language|tone|audience|instructions|title|section)>|\{\{[^{}\n]{1,60}\}\}"
)
PATTERNS = (
    GuardedPattern(_BRACKETED, ("[", "【", "<", "(insert", "(citation", "(add ")),
    GuardedPattern(_WORDED, ("lorem", "placeholder", "platzhalter", "relleno", "replace this", "fill this")),
    GuardedPattern(_MARKED, ("X", "ypothetical ", "Company ABC", "TODO", "TBD")),
    GuardedPattern(_ADDRESS, ("example.",)),
    GuardedPattern(_PROMPT_TAG, ("<", "{{")),
)


def find_placeholder(text: str, about: str) -> str | None:
    """Return the first placeholder outside code, unless the report is about it: what the caller wrote has it."""
    masked = mask_code(text)
    known = about.casefold()
    for pattern in PATTERNS:
        for found in pattern.finditer(masked):
            if found[0].casefold() not in known:
                return found[0]
    return None
