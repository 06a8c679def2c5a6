"""How often the checks are right: they find every fault that is planted in good prose, and hardly any in the prose."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

from collections.abc import Callable

import pytest

from aether.domain.finding import Finding
from aether.workflows.report.quality.cleaning import Cleaned, clean_section
from aether.workflows.report.quality.sections import Assignment, check_sections
from aether.workflows.report.quality.thresholds import RULES, Action
from aether.workflows.report.quality.words import count_words
from tests.prose import BY_LANGUAGE, FORMS

MAX_FALSE_ALARMS = 0.02
TOPIC = "A Report"
Texts = dict[str, str]


def cleaned(texts: Texts) -> list[Cleaned]:
    titles = list(texts)
    return [clean_section(text, titles=titles, position=at, topic=TOPIC) for at, text in enumerate(texts.values())]


def checked(texts: Texts, asked: Texts, language: str | None = None) -> tuple[Finding, ...]:
    words = [count_words(text) for text in asked.values()]
    return check_sections(list(texts.values()), Assignment(TOPIC, list(texts), words, language))


@pytest.mark.parametrize("language", [True, False], ids=["in a language", "in that of the topic"])
def test_good_prose_has_hardly_any_faults(*, language: bool) -> None:
    alarms: list[tuple[str, int | None, Finding]] = []
    sections = 0
    for name, texts in BY_LANGUAGE.items():
        sections += len(texts)
        for position, each in enumerate(cleaned(texts)):
            alarms += [(name, position, finding) for finding in each.findings]
        alarms += [(name, fault.section, fault) for fault in checked(texts, texts, name if language else None)]

    share = len({(name, position) for name, position, _ in alarms}) / sections
    assert share <= MAX_FALSE_ALARMS, f"{share:.1%} of {sections} sections have a false alarm: {alarms}"


def test_good_prose_is_left_as_it_is() -> None:
    for texts in BY_LANGUAGE.values():
        assert [text.strip() for text in texts.values()] == [each.text for each in cleaned(texts)]


STRIPPED: dict[str, tuple[Callable[[str], str], ...]] = {
    "reasoning": (
        lambda text: f"<think>The user wants a section.</think>\n\n{text}",
        lambda text: f"<Thinking>\nFirst, facts.\n</Thinking>\n{text}",
        lambda text: f"Okay, so I need three facts.\n</think>\n\n{text}",
        lambda text: f"{text}\n\n<reasoning>Is that enough? Perhaps I",
        lambda text: text.replace("\n\n", "<thought>Now the second part.</thought>\n\n", 1),
    ),
    "preamble": (
        lambda text: f"Sure! Here is the section you asked for:\n\n{text}",
        lambda text: f"Certainly! Below is a draft of the section.\n\n---\n\n{text}",
        lambda text: f"I'll research this topic and write a section on it. Let me start by gathering facts.\n\n{text}",
        lambda text: f"As an AI language model, I cannot browse the web. {text}",
        lambda text: f"Okay, here's the report section:\n{text}",
        lambda text: f"Absolutely! Let's dive into it.\n\n{text}",
        lambda text: f"I'm happy to help! I'll now write this section.\n\n{text}",
        lambda text: f"Thank you for your request. {text}",
        lambda text: f"Great question! {text}",
        lambda text: f"Here's a look at its history:\n\n{text}",
        lambda text: f"Gerne! Hier ist der Abschnitt:\n\n{text}",
        lambda text: f"Bien sûr, voici le texte de la section :\n\n{text}",
        lambda text: f"¡Claro! Aquí tienes la sección:\n\n{text}".removeprefix("¡"),
        lambda text: f"好的，以下是这一部分的正文：\n\n{text}",
        lambda text: f"Конечно! Вот текст раздела:\n\n{text}",
        lambda text: f"بالتأكيد! إليك نص القسم:\n\n{text}",
    ),
    "chatter": (
        lambda text: f"{text}\n\nLet me know if you would like me to expand on anything!",
        lambda text: f"{text} I hope this helps!",
        lambda text: f"{text}\n\nI can provide more details if you wish.",
        lambda text: f"{text}\n\n[End of section]",
        lambda text: f"{text}\n\nPlease note that I cannot verify these facts.",
        lambda text: f"{text}\n\n---\n\n*Would you like a shorter version?*",
        lambda text: f"{text}\n\nIf you need more detail, feel free to ask.",
        lambda text: f"{text}\n\nIch hoffe, das hilft! Soll ich noch etwas ergänzen?",
        lambda text: f"{text}\n\nN'hésitez pas à me demander des précisions.",
        lambda text: f"{text}\n\nEspero que esto te ayude. ¿Quieres que añada algo?",
        lambda text: f"{text}\n\n希望这对您有帮助！如果您需要更多内容，请告诉我。",
        lambda text: f"{text}\n\nНадеюсь, это поможет! Дайте знать, если нужны правки.",
        lambda text: f"{text}\n\nآمل أن يكون هذا مفيدًا. هل تريد المزيد؟",
    ),
    "link": (
        lambda text: f"[See](https://made.up/page_(1)) {text}",
        lambda text: f"{text} <https://made.up/page>.",
        lambda text: f"{text} (Source: https://made.up/page)",
        lambda text: f'{text} <a href="https://made.up">more</a>.',
    ),
    "image": (
        lambda text: f"![a chart](https://made.up/a.png)\n\n{text}",
        lambda text: f"{text}\n\n[![a](b.png)](https://made.up)",
        lambda text: f'{text}\n\n<img src="a.png" alt="x">',
    ),
    "reference_list": (
        lambda text: f"{text}\n\n## References\n\n1. Smith, J. (2019). A Book.\n2. https://made.up",
        lambda text: f"{text}\n\n**Quellen:**\n- [1] Müller 2004\n- [2] www.made.up",
        lambda text: f"{text}\n\n[1]: https://made.up\n[^2]: https://made.up/two",
        lambda text: f"{text}\n\n参考文献：\n1. 张三，2010年\n2. 李四，2012年",
        lambda text: f"{text}\n\n[1] Smith, A Book, 2019\n[2] Jones, Another, 2020",
        lambda text: f"{text}\n\n### Further Reading\n\n- Smith, A Book (2019)",
        lambda text: f"{text}\n\nSources: https://made.up, https://made.up/two",
    ),
    "heading": (
        lambda text: f"## II. {{title}}\n\n{text}",
        lambda text: f"**{{title}}**\n\n{text}",
        lambda text: f"Title: {{title}}\n\n{text}",
        lambda text: f"标题：{{title}}\n\n{text}",
        lambda text: f"**{{title}}:** {text}",
    ),
    "open_block": (lambda text: f"{text}\n\n```text\nnever closed",),
    "cut_end": (
        lambda text: f"{text} After that, however, the",
        lambda text: f"{text}\n\nIt was over soon. The people who had come, 1,200 of",
    ),
}
PROSE = [
    (texts, at)
    for name, texts in BY_LANGUAGE.items()
    for at, title in enumerate(texts)
    if at % 3 == 0 and title not in FORMS
]
LINES_THAT_STAY = {"link", "open_block", "cut_end"}  # some words of the planted text are no fault


@pytest.mark.parametrize("code", STRIPPED)
def test_every_planted_fault_is_stripped(code: str) -> None:
    missed, tried = [], 0
    for texts, at in PROSE:
        title, text = list(texts.items())[at]
        for number, plant in enumerate(STRIPPED[code]):
            tried += 1
            faulty = plant(text.strip()).replace("{title}", title)
            each = clean_section(faulty, titles=list(texts), position=at, topic=TOPIC)
            is_told = [finding.code for finding in each.findings] == [code]
            is_gone = code in LINES_THAT_STAY or each.text == text.strip()
            if not (is_told and is_gone and all(finding.is_removed for finding in each.findings)):
                missed.append((title, number, each))

    assert missed == [], f"{len(missed)} of {tried} planted faults were missed"


def plant_placeholder(words: str) -> Callable[[str], str]:
    def plant(text: str) -> str:
        first, _, rest = text.partition(". " if ". " in text else "。")
        return f"{first}. {words} {rest}"

    return plant


PLACEHOLDERS = [
    *("[Insert reference here]", "The share is XX% today.", "Lorem ipsum dolor sit amet.", "[citation needed]"),
    *("[Your company name] did it.", "See www.example.com for more.", "Hypothetical Company A grew."),
    *("This is a placeholder for the figures.", "[TODO: add a source]", "<<topic>>", "[Quelle einfügen]"),
    *("[insérer une source]", "[insertar la fuente]", "【待补充】", "[вставьте источник]", "[أدخل المصدر]"),
    *(
        "{{company}} grew.",
        "In 20XX it ended.",
        "X% of them left.",
        "[Name] was there.",
        "<<the birth&of",
        "(insert a source)",
    ),
]
SELF_REFERENCES = [
    *("In this essay, I will examine how it began.", "This article will explore its history."),
    *("In diesem Abschnitt werden wir sehen, wie es begann.", "Dans cette section, nous allons voir pourquoi."),
    *("En este informe, exploraremos su historia.", "В этом разделе мы рассмотрим историю."),
    *("在本节中，我们将介绍它的历史。", "في هذا القسم، سنتحدث عن تاريخه."),
]
LONG = " ".join(f"and with house number {number} in the street of {number * 7} trees" for number in range(20))
REWRITTEN: dict[str, tuple[Callable[[str], str], ...]] = {
    "placeholder": tuple(map(plant_placeholder, PLACEHOLDERS)),
    "loop": (
        lambda text: f"{text}\n\n{' '.join([text.split(chr(10))[0]] * 3)}",
        lambda text: f"{text} {'It is very important to know that the city is big. ' * 6}",
        lambda text: f"{text} {'and so on and so on ' * 60}.",
        lambda text: f"{text} {'the city of the people of ' * 10}.",
        lambda text: f"{text}\n\n" + "- It has many different kinds of people in it.\n" * 5,
        lambda text: f"{text} Sights are {', '.join(['the Old Forum', 'the Gate'] * 5)}.",
    ),
    "self_reference": tuple(map(plant_placeholder, SELF_REFERENCES)),
    "long_sentence": (lambda text: f"{text} It began with one thing that led to another, {LONG}.",),
}


@pytest.mark.parametrize("code", REWRITTEN)
def test_every_planted_fault_asks_for_a_rewrite(code: str) -> None:
    missed, tried = [], 0
    for texts, at in PROSE:
        title, text = list(texts.items())[at]
        for number, plant in enumerate(REWRITTEN[code]):
            tried += 1
            faulty = {title: plant(text.strip())}
            faults = checked(faulty, faulty)
            if code not in [fault.code for fault in faults if fault.needs_rewrite]:
                missed.append((title, number, faults))

    assert missed == [], f"{len(missed)} of {tried} planted faults were missed"


def test_every_section_in_another_language_is_found() -> None:
    missed, tried = [], 0
    for language, texts in BY_LANGUAGE.items():
        for other, others in BY_LANGUAGE.items():
            if other == language:
                continue
            title, text = next(iter(others.items()))
            half = "\n\n".join([next(iter(texts.values())).split("\n\n")[0], text.split("\n\n")[0]])
            for asked in (language, None):
                for foreign in (text, half):
                    tried += 1
                    faulty = {**dict(list(texts.items())[:3]), title: foreign}
                    faults = [fault for fault in checked(faulty, faulty, asked) if fault.code == "language"]
                    if [fault.section for fault in faults] != [3] or not faults[0].needs_rewrite:
                        missed.append((language, other, asked, foreign is half, faults))

    assert missed == [], f"{len(missed)} of {tried} foreign sections were missed"


def test_every_copied_paragraph_is_found_in_the_later_section() -> None:
    missed, tried = [], 0
    for texts in BY_LANGUAGE.values():
        titles = list(texts)[:5]
        for at in range(1, len(titles)):
            tried += 1
            copied = texts[titles[0]].strip().split("\n\n")[0]
            faulty = {title: texts[title] for title in titles} | {
                titles[at]: f"{texts[titles[at]].strip()}\n\n{copied}"
            }
            faults = [fault for fault in checked(faulty, faulty) if fault.code == "duplicate"]
            is_named = [(fault.section, fault.needs_rewrite) for fault in faults] == [(at, True)]
            if not (is_named and copied[:40] in faults[0].detail and titles[0] in faults[0].detail):
                missed.append((titles[at], faults))

    assert missed == [], f"{len(missed)} of {tried} copied paragraphs were missed"


@pytest.mark.parametrize(
    ("factor", "needs_rewrite"), [(3, True), (2.2, False), (1.5, None), (1 / 1.5, None), (1 / 4, False)]
)
def test_a_section_of_another_length_is_told(factor: float, needs_rewrite: bool | None) -> None:  # noqa: FBT001
    for texts in BY_LANGUAGE.values():
        asked = [round(count_words(text) * factor) for text in texts.values()]
        faults = check_sections(list(texts.values()), Assignment(TOPIC, list(texts), asked))
        expected = [] if needs_rewrite is None else [("length", needs_rewrite)] * len(texts)
        assert expected == [(fault.code, fault.needs_rewrite) for fault in faults]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("English", "In conclusion, the roads changed everything for those who lived beside them."),
        ("German", "Zusammenfassend zeigt sich, wie sehr das Handwerk das Leben der Menschen geprägt hat."),
        ("French", "En conclusion, les moulins ont changé la vallée."),
        ("Spanish", "En resumen, el agua lo cambió todo."),
        ("Chinese", "总之，这一切改变了人们的生活。"),
        ("Russian", "Таким образом, дорога изменила всё."),
        ("Arabic", "في الختام، غيرت القهوة حياة الناس."),
    ],
)
def test_a_summing_up_before_the_last_section_is_told(language: str, words: str) -> None:
    texts = BY_LANGUAGE[language]
    title = next(iter(texts))
    faulty = texts | {title: f"{texts[title].strip()}\n\n{words}"}

    assert [(f.code, f.section, f.needs_rewrite) for f in checked(faulty, faulty)] == [("closing", 0, False)]


def test_every_check_is_planted_here() -> None:
    planted = {*STRIPPED, *REWRITTEN, "language", "duplicate", "length", "closing"}

    assert set(RULES) == planted
    assert {code for code, rule in RULES.items() if rule.action is Action.STRIP} == set(STRIPPED)
