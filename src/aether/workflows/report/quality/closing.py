"""Closing of a section: a summing up that belongs at the end of the report only."""

import re

from aether.workflows.report.quality.blocks import BlockKind, blocks_of

_SUMS_UP = re.compile(
    r"[*_]{0,3}(?:in conclusion|to conclude|in summary|to sum up|to summarize|to summarise|in short|overall|all in all"
    r"|ultimately|in closing|zusammenfassend|abschließend|insgesamt|alles in allem|fazit|en conclusion|pour conclure"
    r"|en résumé|en somme|dans l['’]ensemble|en conclusión|en resumen|para concluir|en definitiva"
    r"|em conclusão|em resumo|in conclusione|in sintesi|в заключение|таким образом|подводя итог|в целом"
    r"|و?في الختام|ختامًا)\b"
    r"|总之|总而言之|综上所述|總之|綜上所述|結論として|まとめると|결론적으로",
    re.IGNORECASE,
)
_FACT = re.compile(r"\d")


def find_closing(text: str) -> str | None:
    """Return the first words of the last paragraph if it only sums up: without a number."""
    blocks = blocks_of(text)
    if len(blocks) < 2 or blocks[-1].kind is not BlockKind.PARAGRAPH:  # noqa: PLR2004 - the paragraph and one before it
        return None
    last = blocks[-1].text
    found = _SUMS_UP.match(last)
    return found[0] if found and not _FACT.search(last) else None
