"""Labels: the words that a document itself brings, in the languages that have them."""

import msgspec

from aether.domain.derived_section import DerivedKind


class Labels(msgspec.Struct, frozen=True):
    """The words of a document in one language; `written_by` and `missing` hold a place for what they are about."""

    contents: str
    summary: str
    key_points: str
    conclusion: str
    glossary: str
    notes: str
    sources: str
    written_by: str
    unfinished: str
    missing: str

    def of(self, kind: DerivedKind) -> str:
        """Return the heading of a section that is derived from others."""
        match kind:
            case DerivedKind.SUMMARY:
                return self.summary
            case DerivedKind.CONCLUSION:
                return self.conclusion
            case DerivedKind.KEY_POINTS:
                return self.key_points
            case DerivedKind.GLOSSARY:
                return self.glossary


_ENGLISH = Labels(
    "Contents",
    "Summary",
    "Key points",
    "Conclusion",
    "Glossary",
    "Notes",
    "Sources",
    "Written by {}",
    "This document is not complete.",
    "Not written yet: {}",
)
_LABELS = {
    "ar": Labels(
        "المحتويات",
        "الملخص",
        "النقاط الرئيسية",
        "الخاتمة",
        "المصطلحات",
        "الملاحظات",
        "المصادر",
        "كتبه {}",
        "هذا المستند غير مكتمل.",
        "لم يُكتب بعد: {}",
    ),
    "de": Labels(
        "Inhalt",
        "Zusammenfassung",
        "Kernpunkte",
        "Fazit",
        "Glossar",
        "Anmerkungen",
        "Quellen",
        "Verfasst von {}",
        "Dieses Dokument ist nicht vollständig.",
        "Noch nicht geschrieben: {}",
    ),
    "es": Labels(
        "Índice",
        "Resumen",
        "Puntos clave",
        "Conclusión",
        "Glosario",
        "Notas",
        "Fuentes",
        "Escrito por {}",
        "Este documento no está completo.",
        "Aún no escrito: {}",
    ),
    "fr": Labels(
        "Sommaire",
        "Résumé",
        "Points clés",
        "Conclusion",
        "Glossaire",
        "Notes",
        "Sources",
        "Écrit par {}",
        "Ce document n’est pas complet.",
        "Pas encore écrit : {}",
    ),
    "he": Labels(
        "תוכן העניינים",
        "תקציר",
        "נקודות עיקריות",
        "סיכום",
        "מילון מונחים",
        "הערות",
        "מקורות",
        "נכתב על ידי {}",
        "מסמך זה אינו שלם.",
        "טרם נכתב: {}",
    ),
    "hi": Labels(
        "विषय-सूची",
        "सारांश",
        "मुख्य बिंदु",
        "निष्कर्ष",
        "शब्दावली",
        "टिप्पणियाँ",
        "स्रोत",
        "लेखक: {}",
        "यह दस्तावेज़ अधूरा है।",
        "अभी नहीं लिखा गया: {}",
    ),
    "it": Labels(
        "Indice",
        "Sintesi",
        "Punti chiave",
        "Conclusione",
        "Glossario",
        "Note",
        "Fonti",
        "Scritto da {}",
        "Questo documento non è completo.",
        "Non ancora scritto: {}",
    ),
    "ja": Labels(
        "目次",
        "要約",
        "要点",
        "結論",
        "用語集",
        "注",
        "出典",
        "作成: {}",
        "この文書は未完成です。",
        "未作成: {}",
    ),
    "ko": Labels(
        "목차",
        "요약",
        "핵심 사항",
        "결론",
        "용어집",
        "주석",
        "출처",
        "작성: {}",
        "이 문서는 완성되지 않았습니다.",
        "아직 작성되지 않음: {}",
    ),
    "nl": Labels(
        "Inhoud",
        "Samenvatting",
        "Kernpunten",
        "Conclusie",
        "Begrippen",
        "Noten",
        "Bronnen",
        "Geschreven door {}",
        "Dit document is niet volledig.",
        "Nog niet geschreven: {}",
    ),
    "pl": Labels(
        "Spis treści",
        "Streszczenie",
        "Najważniejsze punkty",
        "Wnioski",
        "Słownik pojęć",
        "Przypisy",
        "Źródła",
        "Autor: {}",
        "Ten dokument nie jest kompletny.",
        "Jeszcze nienapisane: {}",
    ),
    "pt": Labels(
        "Índice",
        "Resumo",
        "Pontos principais",
        "Conclusão",
        "Glossário",
        "Notas",
        "Fontes",
        "Escrito por {}",
        "Este documento não está completo.",
        "Ainda não escrito: {}",
    ),
    "ru": Labels(
        "Содержание",
        "Краткое изложение",
        "Главное",
        "Заключение",
        "Глоссарий",
        "Примечания",
        "Источники",
        "Автор: {}",
        "Этот документ не завершён.",
        "Ещё не написано: {}",
    ),
    "zh": Labels(
        "目录",
        "摘要",
        "要点",
        "结论",
        "术语表",
        "注释",
        "来源",
        "作者：{}",  # noqa: RUF001 - the colon of Chinese
        "本文档尚未完成。",
        "尚未撰写：{}",  # noqa: RUF001 - as above
    ),
}


def labels_of(language: str) -> Labels:
    """Return the words in the language of this tag; in English if they are not known in it."""
    return _LABELS.get(language.partition("-")[0], _ENGLISH)
