"""Talk phrases: the words with which models announce a text, or speak to the reader behind it, in many languages."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re

from aether.workflows.report.quality.guarded_pattern import GuardedPattern

_TEXT = (
    r"\b(?:section|report|text|draft|overview|essay|article|entry|paragraph|chapter|asked|requested|write-up"
    r"|look at|breakdown|rundown|summary"
    r"|abschnitt\w*|bericht\w*|entwurf|überblick|kapitel\w*|beitrag|artikel"
    r"|rapport|texte|chapitre|aperçu|sección|informe|texto|capítulo|resumen|seção|relatório"
    r"|sezione|relazione|testo|capitolo|раздел\w*|отчёт\w*|отчет\w*|текст\w*|глав[аыуе]"
    r"|القسم|التقرير|النص|الفصل)\b"
    r"|部分|章节|章節|报告|報告|正文|小节|文章|段落|セクション|レポート|本文|섹션|보고서"
)
_AGREES = (
    r"(?:sure(?: thing)?|certainly|of course|okay|ok|alright|all right|absolutely|definitely|great|got it|understood"
    r"|(?:great|good|excellent) (?:question|choice|topic)|no problem|gladly|with pleasure"
    r"|gerne|natürlich|selbstverständlich|sicher|klar|alles klar|in ordnung"
    r"|bien sûr|certainement|d['’]accord|volontiers|avec plaisir|claro(?: que sí)?|por supuesto|desde luego|con gusto"
    r"|certo|certamente|com certeza|当然(?:可以)?|當然(?:可以)?|好的|没问题|沒問題|конечно|хорошо|разумеется"
    r"|بالطبع|بالتأكيد|حسن[اًا]*|もちろん(?:です)?|はい|承知(?:いた)?しました|물론(?:입니다|이죠)?|네)"
)
_SHOWS = (
    r"(?:(?:here(?: is|['’]s| are| you go| it is|['’]re)|below (?:is|are)|(?:the )?following is"
    r"|hier (?:ist|sind|kommt|folgt)|im folgenden|nachfolgend|voici|voilà|ci-dessous|aquí (?:está|tienes|tiene)"
    r"|a continuación|aqui está|ecco|di seguito|вот|ниже|إليك|فيما يلي)\b|以下是|下面是|以下は|以下に|こちら|다음은)"
)
_PROMISES = (
    r"(?:(?:i['’]ll|i will|i['’]m (?:happy|glad) to|i am going to|i['’]m going to|i shall|i['’]ve|i have|i can"
    r"|i need to|i['’]d be (?:happy|glad) to"
    r"|let me|ich werde|ich schreibe|lassen sie mich|je vais|voy a|permíteme|vou|scriverò|я напишу|я подготовлю"
    r"|سأكتب|سوف أكتب|سأقوم)\b|我将|我會|我会|让我)"
)
_WORK = (
    r"\b(?:write|help|assist|research|search|look (?:up|for)|gather|provide|draft|compose|prepare|start (?:by|with)"
    r"|begin (?:by|with|writing)|create|outline|schreiben?|verfassen|recherchieren|rédiger|écrire|rechercher|escribir"
    r"|redactar|investigar|escrever|scrivere|scriverò|written|drafted|prepared|put together|напишу|подготовлю"
    r"|سأكتب|أكتب|سأقوم)\b|写|寫|撰写|撰寫"
)
_MACHINES = (
    r"thank(?:s| you) for (?:your|asking|the (?:request|question))\b"
    r"|as an? (?:ai|artificial intelligence|(?:large )?language model)\b[^.]{0,60}?,? (?:i\b|i['’])"
    r"|als (?:ki|sprachmodell)\b|en tant qu['’](?:ia|intelligence artificielle)\b"
    r"|como (?:una? )?(?:ia|modelo de lenguaje|inteligencia artificial)\b|作为(?:一个|一名)?(?:ai|人工智能|语言模型)"
    r"|как (?:ии|языковая модель|искусственный интеллект)\b|بصفتي"
)
_OFFERS = (  # what follows "if you need more"
    r"(?:let me know|feel free|ask me|just ask|i can\b|i['’]d\b|happy to|lassen sie|lass (?:es )?mich|gerne?\b"
    r"|дайте (?:мне )?знать|обращайтесь|сообщите|告诉我|随时|请)"
)
_CLOSINGS = (
    r"(?:(?:please )?let me know\b(?!,)|(?:i )?hope (?:this|that|it)\b|would you like|(?:please )?feel free|shall i\b"
    r"|do you want|want me to|is there anything|happy to (?:help|adjust|expand)"
    r"|i can (?:also|provide|expand|add|elaborate)\b|thank(?:s| you) for reading"
    r"|(?:please )?note(?: that|:) (?:this (?:section|text|report|draft)|i)\b"
    r"|\[?end of (?:the )?(?:section|report)\b|i['’]d be happy"
    rf"|don['’]t hesitate|if you (?:need|['’]?d like|would like|have|want)\b[^.!?]{{0,160}}{_OFFERS}"
    r"|lass(?:en sie)? (?:es )?mich wissen|ich hoffe,? (?:das|dass|dies|dieser)\b|möchten sie|möchtest du|soll ich\b"
    rf"|(?:falls|wenn) (?:sie|du) (?:noch|weitere|mehr|fragen|änderungen|möchte)[^.!?]{{0,160}}{_OFFERS}"
    r"|n['’]hésitez pas|j['’]espère que (?:ce|cette|cela)\b|souhaitez-vous|voulez-vous|dites-moi"
    r"|espero que (?:est|te|le|is)|¿(?:quieres|quiere|te gustaría|le gustaría|desea)|avísame|ház?me saber|hazme saber"
    r"|no dudes? en|fammi sapere|spero che (?:quest|ti)|vuoi che|me avise|gostaria que"
    r"|надеюсь,? (?:это|что|эт)|хотите,? чтобы|дайте (?:мне )?знать"
    rf"|если (?:вам|у вас|вы) (?:нужн|понадоб|есть|хотите|возникнут)[^.!?]{{0,160}}{_OFFERS}"
    rf"|希望(?:这|以上|本)|如果您?(?:需要|有|想|还)[^。！？]{{0,80}}{_OFFERS}|如需|您(?:是否|还)(?:需要|想)|需要我"
    r"|آمل أن|أتمنى أن|هل (?:تريد|ترغب|تود)|أخبرني|لا تتردد|ご希望|お役に立て|何か(?:ご|他)|도움이 되)"
)
_SELF = (
    r"\bin this (?:essay|article|paper|report|section|chapter|entry|text|(?:blog )?post),? (?:i|we)(?: will|['’]ll"
    r"| shall| am going to| are going to| explore| examine| discuss)\b"
    r"|\bthis (?:essay|article|paper|report|section|chapter|entry|(?:blog )?post) (?:will|is going to)\b"
    r"|\bthe (?:essay|article|paper) is well[ -]written\b"
    r"|\bin diesem (?:abschnitt|artikel|aufsatz|bericht|kapitel|text|beitrag) (?:werde ich|werden wir)\b"
    r"|\bdans (?:cette section|cet article|ce rapport|ce chapitre|ce texte),? (?:nous allons|nous verrons|je vais)\b"
    r"|\ben (?:esta sección|este artículo|este informe|este capítulo|este texto),? (?:vamos a|voy a|exploraremos"
    r"|veremos|analizaremos)\b"
    r"|\bв (?:этом разделе|этой статье|этом отч[её]те|этой главе) (?:мы|я) (?:рассмотр|расскаж|обсуд|изуч)"
    r"|在?(?:本节|本章|本文|本报告|本部分)中?,?，?我们?将|في هذا (?:القسم|التقرير|المقال|الفصل)،? (?:سوف|سن)"
)
SELF_REFERENCE = GuardedPattern(
    re.compile(_SELF, re.IGNORECASE),
    (
        *("this essay", "this article", "this paper", "this report", "this section", "this chapter", "this entry"),
        *("this text", "this post", "this blog", "is well", "in diesem ", "dans ce", "en esta ", "en este "),
        *("в эт", "本节", "本章", "本文", "本报告", "本部分", "في هذا "),
    ),
)
AGREEMENT = re.compile(rf"{_AGREES}\s?(?P<mark>[!,.。！，、:：—–]+)\s*", re.IGNORECASE)
SHOWING = re.compile(_SHOWS, re.IGNORECASE)
ABOUT_TEXT = re.compile(_TEXT, re.IGNORECASE)
PROMISE = re.compile(_PROMISES, re.IGNORECASE)
ABOUT_WORK = re.compile(_WORK, re.IGNORECASE)
MACHINE = re.compile(_MACHINES, re.IGNORECASE)
INVITATION = re.compile(r"let['’]s (?:dive|delve|explore|begin|start|get|take a)\b", re.IGNORECASE)
"""What only announces a text if the model agrees to the request before it."""
CLOSING = re.compile(_CLOSINGS, re.IGNORECASE)
