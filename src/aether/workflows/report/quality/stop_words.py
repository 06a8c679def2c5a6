"""Stop words: the most frequent words of languages, by which a text tells its language without a library."""
# ruff: noqa: RUF001 - the words of other languages look like Latin ones

_LISTS = {
    "en": "the of and to in is that was for with as on by it from are at were which this be an his their has had "
    "not its or but have they who been into these when more than also other",
    "de": "der die und in das den von zu des mit sich ist nicht auf dem für eine ein als auch im es an werden aus er "
    "hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war oder wurde wurden durch",
    "fr": "le de la les et des en un du une que dans est pour par au qui sur pas plus avec ce il sont ou aux se son "
    "ses cette mais comme été ont ne leur être fut entre ainsi elle d l",
    "es": "el de la que y en los del las por con una para un se su no es al lo como más o pero sus fue son este "
    "entre cuando también ha desde sobre esta era muy hasta durante donde",
    "it": "di e che il la in un per del è una si della con non da le dei nel alla più al sono gli i come anche "
    "delle ha nella dal ma su questo lo degli era stato dell all l",
    "pt": "de que e o a do da em um para com não uma os no se na por mais as dos como mas foi ao das à seu sua ou "
    "ser quando muito há nos já também pelo pela são era",
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar door bij nog uit naar "
    "werd wordt deze over hij worden tot of die dit heeft had zich",
    "sv": "och i att det som en på är av för med till den har de inte om ett var men sig så från vi kan när under "
    "också eller efter hade vid genom blev detta mellan",
    "da": "og i at det er en til af den på for med som de der har et ikke var han fra men sig blev også efter ved "
    "eller kan om over havde mellem nogle meget",
    "no": "og i det er en til av på for med som de at den har et ikke var fra men seg ble også etter ved eller kan "
    "om over hadde mellom noen mye mot når",
    "fi": "ja on ei että se oli hän mutta ovat kun niin myös joka sen kuin tai olivat jotka ole mukaan sekä voi "
    "vain ollut sitä jo hänen siitä vuonna kuitenkin noin",
    "pl": "w i na z do się nie to jest że o od za po jak przez dla jego a był ale są oraz co tym ich ze który które "
    "została było tego być tak jako także przy była",
    "cs": "a v se na je že s z do o i to ve pro za by jako jeho po jsou od byl ale podle k který které tak však "
    "byla nebo při roku bylo až než také jejich",
    "hu": "a az és hogy nem is egy volt meg ez csak de mint el már még azt sem vagy ha amely ki szerint után között "
    "voltak pedig majd lett így minden ezt által",
    "ro": "de și în la a pe cu din o un care este nu pentru mai prin au al ca fost sau ale lui sunt se ce într "
    "între acest această după către fi iar dar unei unui cei",
    "tr": "ve bir bu da de için ile olarak olan daha çok gibi en ise kadar ya sonra olduğu ancak her ne o hem veya "
    "göre tarafından arasında değil olduğunu ilk iki",
    "vi": "của và là các có được cho trong một người với không những này đã từ đến khi như về ra để cũng vào nhiều "
    "năm theo sau tại hơn trên bởi",
    "id": "yang dan di dengan untuk dari pada dalam ini adalah tidak itu ke oleh sebagai akan atau telah juga "
    "mereka dapat lebih karena ada tersebut seperti para menjadi",
    "hr": "i u je na se da su za od s kao o koji što ne bio iz ili do koja koje nije ali njegov bila bili također "
    "nakon te prema više između tijekom pri ovaj",
    "ca": "de la i el que a en les per del els un amb una es al va ser és com més o dels seva seu són però aquest "
    "també entre van aquesta fins quan sobre des",
    "ru": "и в не на что с как по из к от это за для его был о но так при были же то или она они было также который "
    "которые после бы была до их году во со уже",
    "uk": "і в у на що не з та як до за це від для про його є або але також був були які який було після при їх під "
    "між ще бути й вона може через",
    "bg": "на и в да за от се не е с че са по като това до към след или който което които но много през той бил със "
    "така при само между била",
    "ar": "في من على إلى عن التي أن هذا هذه كان مع الذي ما كما أو لا بين كانت ذلك بعد قد هو هي لم حيث كل وقد ثم منذ "
    "خلال عند غير بعض",
    "fa": "و در به از که این را با است برای آن یک خود تا بر های بود شد می شده نیز هم یا اما او ها دارد کرد پس بین "
    "هر دیگر بودند سال",
    "ur": "کے کی میں اور ہے سے کا کو نے پر یہ کہ تھا ایک ہیں اس بھی تھے لیے جو وہ گیا کیا تک نہیں ساتھ تھی بعد",
    "hi": "के में की और है से का को ने पर यह कि था एक हैं इस भी थे लिए जो वह गया किया तक नहीं साथ थी बाद होता",
}
STOP_WORDS = {code: frozenset(words.split()) for code, words in _LISTS.items()}
"""Frequent words of languages that share a script with others, by ISO 639-1 code."""

SCRIPTS = (
    ("ja", "\u3041-\u30ff"),
    ("ko", "\uac00-\ud7a3"),
    ("el", "\u0370-\u03ff\u1f00-\u1fff"),
    ("he", "\u0590-\u05ff"),
    ("th", "\u0e00-\u0e7f"),
    ("ka", "\u10a0-\u10ff"),
    ("hy", "\u0530-\u058f"),
    ("bn", "\u0980-\u09ff"),
    ("ta", "\u0b80-\u0bff"),
    ("te", "\u0c00-\u0c7f"),
    ("km", "\u1780-\u17ff"),
    ("am", "\u1200-\u137f"),
    ("zh", "\u3400-\u4dbf\u4e00-\u9fff"),
)
"""Scripts that only one language of many readers has, as in a regex character class; Japanese before Chinese."""
