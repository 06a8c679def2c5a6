"""Prose without faults: sections of reports in several languages and forms, in which no check may find anything."""
# ruff: noqa: RUF001, E501 - the letters of other languages look like Latin ones, and paragraphs are lines

ENGLISH = {
    "The Salt Roads": """Salt was the freight that paid for the first roads over the Alps. A mule carried about 120 kilograms, and a train of thirty mules needed nine days from the pans at Hall to the markets of the Po valley. Towns along the way lived from it: they kept stables, levied tolls and fixed the price of hay.

When rock salt was found north of the passes in 1448, the traffic turned round within a generation. Villages that had lived from the southern trade lost half of their people, while the new mines drew carpenters, smiths and priests. The roads stayed, and later carried wine, letters and armies.""",
    "How a Lock Works": """A lock lifts a boat by nothing but water and gravity. The lower gate opens, the boat enters the chamber, and the gate closes behind it. Sluices in the upper gate let water in until both levels are equal; only then can the upper gate be opened, because the pressure on it is gone.

The mitre gate, which points upstream like a shallow V, is pressed shut by the very water that it holds back. Leonardo drew one in the 1490s for the canals of Milan, and the form has hardly changed. What has changed is the size: the newest chambers in Panama take ships of 366 metres.""",
    "Bees in the City": """Cities have turned out to be good places for bees. Gardens, cemeteries and railway embankments flower from March to October, whereas the fields outside offer two weeks of rape and then nothing. Roofs are warm, and few people spray their balconies.

There is a limit, though. London had some 7,400 hives in 2020, three times as many as ten years before, and the wild bees, which feed on the same flowers, went down where the hives were densest. Beekeepers' associations now ask newcomers to plant first and to keep bees later.""",
    "What Glaciers Remember": """Every winter leaves a layer of snow, and every layer traps the air of its year. Pressed into ice, these layers keep the record for hundreds of thousands of years. Drills bring up cores as thick as an arm, which are cut, melted and measured in laboratories from Copenhagen to Kobe.

The bubbles tell how much carbon dioxide the air held; the ratio of two kinds of oxygen tells how warm it was. Ash gives the dates of eruptions, and lead shows when the Romans smelted silver. "It is a library," one of the drillers said, "and we are burning it from the top."
""",
    "Rules of the Road": """Driving on the left is older than the car. Riders kept left to have the right hand free for the sword, or so the story goes; carters in France and America sat on the left horse, and kept right to see the wheels of those they met. Napoleon's armies took the habit with them, and Britain kept its own.

Sweden changed sides on a Sunday morning, 3 September 1967, at five o'clock. All traffic stopped, crossed over, and went on. For six weeks there were fewer accidents than ever, since everybody was afraid. After two years the figure was where it had been before.""",
    "The Price of Paper": """Before 1840 paper was made of rags, and rags were scarce. Ragmen went from door to door; Britain even forbade the dead to be buried in linen. A newspaper of four pages cost as much as a loaf of bread, and was read aloud in the inn.

Ground wood changed this within thirty years. Friedrich Keller patented his machine in 1844, and by 1875 the price had fallen by nine tenths. Newspapers grew to eight, then sixteen pages, and lived from advertisements instead of readers. The cheap sheet had one fault that nobody noticed at first: its acid eats it up.""",
    "Night Trains": """The sleeper was declared dead in 2016, when the German railways sold their last carriages. The buyer, Austria's state railway, had done its sums: a bed saves a hotel, and a departure at ten in the evening costs nobody a working day.

Eight years later it runs twenty lines. New carriages have capsules in place of couchettes, and are booked out for months in summer. The business is still thin. Track charges are paid by the kilometre, staff work at night, and each bed is sold once a day, while an airline sells its seat five times.""",
    "Tides and Time": """Two bulges of water follow the moon round the earth, and the coasts turn through them twice in 24 hours and 50 minutes. That is the theory of Newton. In practice the shape of the sea decides: in the Bay of Fundy the water rises by 16 metres, in the Baltic by a hand's breadth.

Harbour masters predicted tides long before anybody could explain them. They wrote down the hour of high water at full moon, and added 48 minutes for each day after it. Tables of this kind hung in the churches of Flanders in the thirteenth century. Machines with pulleys replaced them in 1872.""",
    "Coins and Trust": """A coin is a promise in metal. The first ones, struck in Lydia about 600 BC, were lumps of electrum with the head of a lion, and the lion said no more than this: the king takes it back at the same worth. Weight and fineness could be tested by anyone with a touchstone, but hardly anyone did.

Whoever breaks the promise gains at first. Rome's silver coin held 98 per cent of silver under Augustus and 5 per cent under Gallienus; prices followed with a delay of some years. The soldiers, who were paid in it, asked for grain and cloth instead.""",
    "A Short History of Pencils": """In 1564 a storm in Cumberland uprooted an oak, and shepherds found a black stuff beneath it that marked sheep well. It was graphite, pure enough to be sawn into sticks. The mine was guarded by soldiers, flooded when it was not worked, and opened for six weeks a year.

France, cut off by the blockade, had to do without. In 1795 Nicolas-Jacques Conté mixed poor graphite with clay and fired it, and found that the mixture had a merit of its own: more clay makes it harder. The letters H and B on every pencil come from there.""",
}
GERMAN = {
    "Das Handwerk des Glasblasens": """Glas besteht aus Sand, Soda und Kalk, und es wird erst bei etwa 1.400 Grad so flüssig, dass man es verarbeiten kann. Der Bläser nimmt mit der Pfeife einen Posten auf, dreht ihn ohne Unterlass und bläst, während die Masse langsam zäher wird. Jede Form entsteht aus dem Zusammenspiel von Atem, Schwerkraft und Zeit.

In den Hütten des Bayerischen Waldes arbeiteten im 19. Jahrhundert bis zu vierzig Leute an einem Ofen. Die Jüngsten trugen die Ware in den Kühlofen, wo sie zwei Tage lang abkühlte. Wer zu schnell war, hörte am Morgen das Klirren: Spannungen im Glas lösen sich erst, wenn es kalt ist.""",
    "Moore als Speicher": """Moore bedecken nur drei Prozent der Landfläche, speichern aber doppelt so viel Kohlenstoff wie alle Wälder zusammen. Abgestorbene Moose sinken unter Wasser, wo kein Sauerstoff sie zersetzt, und bilden in tausend Jahren etwa einen Meter Torf.

Wird das Wasser abgelassen, dreht sich der Vorgang um. Ein Hektar entwässertes Moor gibt im Jahr bis zu 35 Tonnen Kohlendioxid ab, so viel wie ein Auto auf 200.000 Kilometern. Die Wiedervernässung ist billig, doch sie verlangt von den Bauern eine andere Wirtschaft: Schilf, Rohrkolben und Wasserbüffel statt Mais.""",
    "Die Erfindung der Konserve": """Im Jahr 1795 setzte die französische Regierung einen Preis von 12.000 Francs für denjenigen aus, der Lebensmittel für die Armee haltbar machen konnte. Der Zuckerbäcker Nicolas Appert versuchte es vierzehn Jahre lang mit Gläsern, Korken und kochendem Wasser. Warum sein Verfahren gelang, wusste er nicht; das erklärte erst Pasteur.

Die Blechdose kam aus England. Sie war stabiler, ließ sich aber nur mit Hammer und Meißel öffnen, denn der Dosenöffner wurde erst 48 Jahre später erfunden. Auf den Schiffen der Marine galt das Fleisch daraus als letzte Wahl.""",
    "Wie ein Dialekt verschwindet": """Ein Dialekt stirbt nicht plötzlich. Zuerst wird er im Amt nicht mehr gesprochen, dann in der Schule, zuletzt am Küchentisch. Die Großeltern reden noch so, die Eltern verstehen es, und die Enkel kennen einige Wörter für Brot, Regen und Ärger.

Im Norden ging es schnell: 1984 sprachen nach eigenen Angaben 35 Prozent gut Platt, 2016 waren es noch 16. Im Süden halten sich die Mundarten besser, weil dort auch Ärzte und Bürgermeister sie benutzen. „Man redet, wie die reden, zu denen man gehören will“, schrieb ein Sprachforscher aus Marburg.""",
    "Uhren und Eisenbahnen": """Bis zur Mitte des 19. Jahrhunderts hatte jede Stadt ihre eigene Zeit. Wenn es in Köln zwölf schlug, war es in Berlin schon 26 Minuten später. Für Postkutschen war das gleichgültig, für Züge auf eingleisigen Strecken lebensgefährlich.

Die Bahnen führten deshalb eine eigene Zeit ein, die auf den Bahnhöfen galt und sonst nirgends. Manche Uhren hatten zwei Minutenzeiger, einen schwarzen und einen roten. Erst am 1. April 1893 bestimmte ein Gesetz die mitteleuropäische Zeit für das ganze Reich, und Moltke hielt dazu seine letzte Rede.""",
    "Papiergeld im Alltag": """Das erste europäische Papiergeld gab 1661 die Bank von Stockholm aus, weil die schwedischen Kupferplatten bis zu 19 Kilogramm wogen. Die Scheine waren so bequem, dass die Bank mehr davon druckte, als sie Kupfer besaß. Sieben Jahre später war sie am Ende, und ihr Gründer saß im Gefängnis.

Der Gedanke blieb. Ein Schein ist ein Versprechen, das funktioniert, solange nicht alle zugleich seine Einlösung verlangen. Heute besteht nur noch etwa ein Zehntel des Geldes im Euroraum aus Scheinen und Münzen; der Rest sind Zahlen in den Büchern der Banken.""",
    "Ein Abschnitt mit fremden Wörtern": """Der Begriff *machine learning* stammt von Arthur Samuel, der 1959 bei IBM ein Programm für das Damespiel schrieb. Im Deutschen hat sich „maschinelles Lernen“ durchgesetzt, auch wenn viele Fachwörter englisch geblieben sind: *overfitting*, *batch*, *gradient descent*, *early stopping*.

Gemeint ist immer dasselbe. Ein Modell mit vielen Zahlen wird an Beispiele angepasst, bis es auf neue Fälle richtig antwortet. Ob es dabei etwas „versteht“, ist eine Frage der Definition; die Ingenieure fragen lieber, wie oft es sich irrt.""",
}
FRENCH = {
    "Les moulins de la vallée": """Au XIIIe siècle, la rivière faisait tourner quarante-deux moulins sur une distance de trente kilomètres. Les uns écrasaient le blé, les autres foulaient le drap ou broyaient l'écorce pour les tanneurs. Le meunier payait au seigneur un droit en farine, et les paysans n'avaient pas le choix de leur moulin.

La vapeur ne les a pas tués d'un coup. En 1860, plus de la moitié travaillaient encore, car l'eau ne coûtait rien et le charbon venait de loin. Ce sont les minoteries des ports, avec leurs cylindres d'acier, qui ont vidé les biefs dans les années 1890.""",
    "Apprendre à lire": """On a longtemps appris à lire en latin, sur un psautier que personne ne comprenait. L'enfant nommait les lettres, puis les syllabes, et récitait enfin des pages entières. La langue de tous les jours n'est entrée à l'école qu'avec les petites écoles de Port-Royal, vers 1650.

La querelle des méthodes est donc ancienne. Les partisans de la syllabe font remarquer que le code est un nombre fini de règles ; ceux du mot entier répondent que nul ne lit lettre par lettre. Les études menées depuis vingt ans donnent plutôt raison aux premiers, surtout pour les enfants qui ont le moins de livres chez eux.""",
    "Le retour du loup": """Le loup a disparu de France vers 1930 et y est revenu par l'Italie en 1992, dans le massif du Mercantour. On compte aujourd'hui un peu plus de mille animaux, qui occupent surtout les Alpes et gagnent peu à peu le Massif central.

Pour les bergers, ce retour a changé le métier. Il faut rentrer les brebis chaque soir, nourrir des chiens de protection et poser des clôtures que la neige couche en hiver. L'État rembourse la plus grande partie de ces frais ; il ne rembourse pas les nuits sans sommeil.""",
    "La couleur bleue": """Les Romains n'aimaient guère le bleu, couleur des Barbares et du deuil. Leur langue n'avait même pas de mot sûr pour le désigner, et le français a dû emprunter les siens au germanique et à l'arabe. Tout change au XIIe siècle, lorsque la Vierge est vêtue de bleu dans les vitraux de Saint-Denis.

Les teinturiers de Toulouse en vivent pendant trois cents ans. Le pastel, une plante à fleurs jaunes, leur donne une pâte que l'on sèche en boules, les coques. L'indigo des Indes, dix fois plus fort, ruine ce commerce malgré les édits qui l'interdisent.""",
    "Une poste sans fil": """Le télégraphe de Claude Chappe n'avait pas de fil : deux bras de bois, au sommet d'une tour, prenaient quatre-vingt-douze positions que l'on lisait à la lunette depuis la tour suivante. De Lille à Paris, un signe mettait deux minutes, par temps clair.

Le réseau compta jusqu'à 534 stations. Il ne servait qu'à l'État, ce qui n'empêcha pas deux banquiers de Bordeaux de l'utiliser en 1834 : ils avaient acheté un employé, qui ajoutait aux dépêches une faute convenue d'avance. On les jugea, et comme aucune loi n'interdisait la chose, ils furent acquittés.""",
}
SPANISH = {
    "El canal que nunca se abrió": """En 1753 el marqués de la Ensenada mandó trazar un canal que llevaría el trigo de Castilla hasta el mar Cantábrico. Se excavaron 207 kilómetros en casi cien años, con miles de peones y, más tarde, con presos. Las montañas, sin embargo, quedaron siempre por delante.

Cuando la obra se dio por terminada, en 1849, el ferrocarril ya estaba en camino. Las barcazas navegaron apenas dos décadas y luego el agua sirvió para mover fábricas de harina y de papel. Hoy riega los campos y da de beber a Valladolid y a Palencia.""",
    "La vida en los corrales de comedias": """Las funciones empezaban a las dos de la tarde, para acabar antes de que cayera el sol. Los hombres del pueblo, a quienes se llamaba mosqueteros, veían la comedia de pie y la juzgaban con silbidos; las mujeres se sentaban aparte, en la cazuela, y los nobles miraban desde las ventanas de las casas.

Una obra duraba pocos días en cartel. Por eso los autores escribían tanto: a Lope de Vega se le atribuyen más de trescientas comedias seguras, y él hablaba de mil quinientas. La mitad del dinero de las entradas era para los hospitales.""",
    "Cómo se hace el mezcal": """El agave tarda entre siete y doce años en madurar, y florece una sola vez. Los campesinos cortan las hojas con un machete hasta dejar la piña, que pesa de treinta a ochenta kilos, y la asan tres días bajo tierra, entre piedras calientes. De ahí viene el sabor a humo.

Después se muele, se deja fermentar con levaduras del aire y se destila dos veces en ollas de barro o de cobre. El maestro mezcalero calcula el grado por las burbujas que se forman en una jícara. Los laboratorios han comprobado que se equivoca muy poco.""",
    "El agua de Lima": """Lima es la segunda ciudad más grande del mundo construida en un desierto. Caen menos de diez milímetros de lluvia al año, y casi toda el agua baja por el río Rímac desde los nevados, que han perdido la mitad de su hielo desde 1970.

En las lomas, los vecinos tienden mallas de plástico para atrapar la niebla. Cada metro cuadrado recoge unos cuatro litros por noche, entre junio y octubre. No basta para una ciudad, pero sí para regar huertos y llenar los tanques de quienes pagan el agua del camión diez veces más cara que la del grifo.""",
    "Palabras que viajaron": """Muchas palabras llegaron a Europa desde América junto con las cosas que nombraban. Del náhuatl vienen chocolate, tomate y aguacate; del quechua, papa, cóndor y pampa; del taíno, hamaca, canoa y huracán. Los marineros las aprendieron en las islas y las repitieron después en el continente, aunque allí se hablara otra lengua.

También hubo viajes de vuelta. El español de los puertos se llenó de voces portuguesas y gallegas, y el de las minas tomó términos vascos. Un diccionario de 1611 ya recoge varias docenas, a veces con etimologías muy imaginativas.""",
}
CHINESE = {
    "茶马古道的起源": "茶马古道始于唐代。西藏高原不产茶,而牧民以肉食和奶制品为主,需要茶叶帮助消化;中原王朝则缺少战马。于是双方在边境设立互市,用茶叶换马匹。宋朝在雅州等地设置茶马司,规定一匹好马可以换一百二十斤茶叶。\n\n商队由几十匹骡马组成,马帮的首领称为锅头。从雅安到拉萨有两千多公里,要翻过十四座雪山,往返一次大约需要一年。背夫的脚印和拐杖的痕迹至今还留在石板路上,最深的有十厘米。",
    "活字印刷的传播": "十一世纪中叶,毕昇用胶泥刻字,烧硬以后排在铁板上印刷。沈括在《梦溪笔谈》里记下了他的方法:印两三本不算简便,印几百本就非常迅速。不过汉字数量太多,一副活字至少要准备几千个,保管和检索都很麻烦,所以雕版印刷在此后几百年里仍占主流。\n\n朝鲜在十三世纪铸造了金属活字,现存最早的印本印于一三七七年。德国人谷登堡是否知道东方的技术,学者们至今没有定论。他的贡献在于合金、油墨和压印机的结合。",
    "城市里的湿地": "湿地像海绵一样吸收雨水。城市扩张以后,池塘和河滩被填平,大雨来临时水无处可去,只能漫上街道。二零一二年七月的一场暴雨使北京许多路段积水超过一米,人们才开始重新认识湿地的作用。\n\n近年来,一些城市把旧鱼塘改造成公园,种上芦苇和菖蒲。工程师不再用混凝土加固河岸,而是让河道恢复弯曲的形状。监测表明,改造后的河段水质提高了两个等级,鸟类从十二种增加到四十多种。",
    "筷子的历史": "考古学家在殷墟发现了三千多年前的铜筷,不过它们可能是烹饪时用的。汉代以前,人们吃饭主要用手和勺子,筷子只用来夹汤里的菜。小麦做的面条和饺子流行以后,筷子才成为餐桌上的主角。\n\n各地的筷子并不相同。中国人围坐分享菜肴,所以筷子较长;日本人各吃各的,又常吃鱼,筷子短而尖;朝鲜半岛习惯用金属筷子,据说王室最早用银来防毒。如今全世界每年消耗的一次性筷子超过八百亿双。",
}
RUSSIAN = {
    "Как строили Транссиб": """Строительство дороги началось в 1891 году сразу с двух концов, из Челябинска и из Владивостока. Работали солдаты, ссыльные, крестьяне и приглашённые каменотёсы из Италии. За год укладывали до шестисот километров пути, и это без машин: лопата, кирка и тачка были главными инструментами.

Труднее всего оказался берег Байкала. На протяжении ста километров скалы обрываются прямо в воду, и там пришлось пробить тридцать девять туннелей. Пока их не закончили, поезда переправляли через озеро на ледоколе, построенном в Англии и собранном на месте.""",
    "Берестяные грамоты": """Первую грамоту нашли 26 июля 1951 года на раскопе в Новгороде. С тех пор их число превысило тысячу двести. Писали на берёсте острым костяным писалом, без чернил, и сырая земля сохранила эти письма лучше, чем бумагу.

Содержание у них самое обычное. Муж просит прислать рубаху, купец напоминает о долге, мальчик Онфим рисует всадника и повторяет азбуку. По этим запискам учёные впервые узнали, как говорили горожане, а не монахи. Оказалось, что новгородская речь во многом отличалась от киевской.""",
    "Вечная мерзлота": """Почти две трети территории страны лежит на мёрзлой земле. Дома в Якутске стоят на сваях, чтобы тепло не уходило вниз: если грунт под зданием оттает, оно просядет и треснет. Сваи вбивают на глубину до двенадцати метров, где температура не меняется круглый год.

За последние сорок лет мерзлота прогрелась на полтора градуса. Дороги идут волнами, а на берегах рек появляются кости мамонтов. Жители продают бивни, но говорят, что предпочли бы ровный пол. Трубы здесь кладут поверху, и они тянутся вдоль улиц, как заборы.""",
    "Самовар и чай": """Чай попал в Москву в 1638 году как подарок монгольского хана, и поначалу его пили как лекарство. Караван из Кяхты шёл больше года, поэтому фунт стоил дороже коровы. Только когда открылись морские перевозки и железная дорога, напиток стал доступен всем.

Самовары делали в Туле, где было много мастеров-оружейников. В середине девятнадцатого века там работало двадцать восемь фабрик, и каждая ставила своё клеймо. Воду грели сосновыми шишками, а готовность узнавали по звуку: сначала поёт, потом шумит, наконец бурлит.""",
}
ARABIC = {
    "تاريخ القهوة": """بدأت زراعة البن في جبال اليمن في القرن الخامس عشر، وكان المتصوفة يشربون القهوة لكي يسهروا في الليل. ثم انتقلت إلى مكة والقاهرة، حيث ظهرت أول المقاهي التي كان الناس يجتمعون فيها للحديث والشطرنج وسماع الحكايات.

لم يكن الجميع راضين عن ذلك. ففي عام 1511 أمر والي مكة بإغلاق المقاهي وإحراق ما فيها من البن، غير أن السلطان في القاهرة ألغى القرار بعد أشهر قليلة. وبعد مئة عام كانت السفن تحمل القهوة من ميناء المخا إلى كل مدن أوروبا، ومنه أخذت اسمها الذي نعرفه اليوم.""",
    "الري في الصحراء": """يعود نظام الأفلاج في عمان إلى أكثر من ألفي عام. وهو قناة تحت الأرض تنقل الماء من سفح الجبل إلى القرية بميل خفيف، من غير مضخات ولا محركات. وقد يصل طول القناة إلى خمسة عشر كيلومترًا، وعمقها إلى عشرين مترًا.

تقسم المياه بين الناس بحسب الوقت لا بحسب الكمية، وكان الوكيل يقيسه في النهار بظل عصا وفي الليل بحركة النجوم. ومن لا يحتاج إلى حصته يبيعها في مزاد أسبوعي، ويذهب جزء من الثمن إلى صيانة القناة. ولا يزال ثلاثة آلاف فلج يعمل حتى الآن.""",
    "فن الخط": """لم يكن الخط عند العرب زينة فقط، بل كان علمًا له قواعد دقيقة. وضع ابن مقلة في القرن العاشر نسبًا لكل حرف، وجعل النقطة التي يتركها القلم مقياسًا لطوله وعرضه. وبذلك صار من الممكن أن يكتب خطاطون في مدن مختلفة بالشكل نفسه.

يصنع القلم من القصب، ويبرى رأسه مائلًا ثم يشق. أما الحبر فيحضر من السخام والصمغ العربي، ويخزن سنوات قبل أن يستعمل. ويقول المعلمون إن الطالب يحتاج إلى عشر سنوات قبل أن يضع اسمه تحت ما يكتب.""",
}
FORMS = {
    "A list with like beginnings": """Three kinds of joints are used in this roof, each for one purpose:

- The mortise and tenon joins the posts to the sill, and is held by a peg of oak.
- The lap joint joins the rafters at the ridge, where they carry each other.
- The scarf joint joins two short beams to a long one, which bears less than a whole one.
- The dovetail joins the collar to the rafters, so that they cannot spread.

Iron came into use only after 1870, when nails had become cheaper than the hours of a carpenter.""",
    "A table": """The harbour grew in four steps, which the register of the port office records year by year.

| Year | Quays | Length in metres | Ships a year |
|------|-------|------------------|--------------|
| 1850 | 2 | 310 | 1,204 |
| 1875 | 4 | 890 | 2,960 |
| 1900 | 9 | 2,450 | 5,113 |
| 1925 | 9 | 2,450 | 4,870 |
| 1950 | 14 | 4,020 | 6,402 |

After 1950 the number of ships fell while the cargo went on growing, since each ship carried more.""",
    "Code": """A generator hands out one value after the other, and keeps its place in between. The loop below reads a file of any size with the memory of one line:

```python
def lines(path):
    with open(path) as file:
        for line in file:
            yield line.strip()

for line in lines("a.txt"): print(line)
for line in lines("b.txt"): print(line)
for line in lines("c.txt"): print(line)
for line in lines("d.txt"): print(line)
```

Nothing is read before the first value is asked for, so an error in the path shows late. Whoever wants it early opens the file outside, and passes it in: `lines(open(path))` does so, and `[x](y)` in a string stays as it is.""",
    "A poem with a refrain": """The sailors sang while they hauled, and the verse gave them the beat. One of these songs was written down at Bristol in 1839:

The wind is in the north, my lads,
And heave away once more;
The wind is in the north, my lads,
And far away the shore.
The mate is at the wheel, my lads,
And heave away once more;
The mate is at the wheel, my lads,
And far away the shore.

On land nobody sang it. A shanty without a rope, an old bosun told the collector, is a bell without a church.""",
    "A dialogue": """The protocol of the hearing has survived, and it shows how little the two sides understood of each other.

"Did you see the light?" asked the commissioner.

"I saw it," said the keeper.

"And you did nothing?"

"I rang the bell," said the keeper. "Nobody came."

"You rang the bell," said the commissioner, "at what hour?"

"At two. I rang it again at three."

The court found that the bell could not be heard at the harbour when the wind blew from the land, and the keeper kept his post. Let me know, he wrote to his brother afterwards, whether the new one is louder.""",
    "Quotations in another language": """Caesar's first sentence is known to all who ever learned Latin, and it is as bare as a map:

> Gallia est omnis divisa in partes tres, quarum unam incolunt Belgae, aliam Aquitani, tertiam qui ipsorum lingua Celtae, nostra Galli appellantur. Hi omnes lingua, institutis, legibus inter se differunt. Gallos ab Aquitanis Garumna flumen, a Belgis Matrona et Sequana dividit.

No adjective praises anybody, and no verb shows a feeling. The general who wrote it wanted to be read in Rome by people who had little time, and who would vote about his command. "Veni, vidi, vici" came later, on a placard that was carried in his triumph.""",
    "Many numbers": """The census of 1891 counted 12,408 people in 2,311 houses, 5.4 in each. Ten years later there were 15,877 in 2,690, and in 1911 19,020 in 3,412. Births exceeded deaths by 14.1, 15.6 and 11.9 per thousand a year, so 61 % of the growth came from outside.

Rents rose from 3s. 6d. to 4s. 2d. a week between 1891 and 1901, by 19 %, and then to 5s. in 1911, by 20 %. Wages in the mill rose by 8 % and 11 %. The share of the rent in a spinner's pay went from 17.5 % to 19.2 % and 20.8 %.""",
    "Numbered steps": """To change the oil of the gearbox, proceed as follows:

1. Warm the gearbox up for ten minutes, so that the oil runs well.
2. Open the filler plug first; if it is stuck, you still have the old oil inside.
3. Place a tray beneath the drain plug, and open it.
4. Wait until nothing drips any more, and close it with a new washer.
5. Fill in 1.9 litres of SAE 80 through the upper hole, until it runs over.
6. Close the filler plug at 40 Nm.

Take the old oil to a collecting point. A litre of it spoils a million litres of drinking water.""",
    "Letters and placeholders that are meant": """Zero began as a placeholder: the Babylonians left a gap, and later set two wedges, to show that a power of sixty was missing. In India the dot became a number that one could add and multiply. Brahmagupta wrote the rules down in 628.

Algebra needed a second step, which is to calculate with what is not known. Al-Khwarizmi still wrote everything in words, and called the unknown *shay*, the thing. The letter x comes from Descartes, in 1637. The XX. century went on from there to sets, and "Mr X" and "Company B" are children of the same idea.""",
    "A section that begins with a promise": """Here is the riddle that kept clockmakers busy for two centuries: a pendulum swings slower in summer than in winter. Brass and steel grow with warmth, each by its own measure, and a rod that is longer by a tenth of a millimetre loses five seconds a day.

I will not be beaten by a rod, wrote Harrison, and put nine of them side by side, of brass and of steel, so that the one kind lifts what the other lowers. Certainly the most elegant answer came from Graham: a jar with mercury in place of the bob. As the rod grows down, the mercury grows up.""",
    "Headings inside": """Two kinds of bridges cross the gorge, and they could not be more different.

### The chain bridge

It was hung in 1826 on sixteen chains of wrought iron, each link of which was pulled with twice its load before it was used. The deck swayed so much that soldiers had to break step.

### The arch

Its successor of 1907 stands on one span of concrete, 102 metres wide. The falsework took more timber than all the houses of the village, and was sold to them afterwards.""",
}
CONCLUSIONS = {
    "Conclusion": """In conclusion, the harbour owes its rise to three decisions: the canal, the railway and the early dredging. None of them paid within the lifetime of those who made them, and each was opposed by the merchants who were to gain most.

Overall, the lesson is one of patience. Works of this kind are built by one generation, paid by the second and praised by the third.""",
    "Fazit": """Zusammenfassend lässt sich sagen, dass nicht die Technik gefehlt hat, sondern der Wille, sie zu bezahlen. Die Pläne lagen seit Jahrzehnten in den Schubladen der Ämter, und jede neue Regierung ließ sie noch einmal prüfen, bevor sie wieder dort verschwanden.

Alles in allem bleibt ein Denkmal aus Papier, an dem man ablesen kann, was eine Zeit sich wünschte und was sie sich leisten wollte.""",
}
BY_LANGUAGE = {
    "English": ENGLISH | FORMS | {"Conclusion": CONCLUSIONS["Conclusion"]},
    "German": GERMAN | {"Fazit": CONCLUSIONS["Fazit"]},
    "French": FRENCH,
    "Spanish": SPANISH,
    "Chinese": CHINESE,
    "Russian": RUSSIAN,
    "Arabic": ARABIC,
}
"""Titles with their texts, by the language's English name; the last ones are conclusions."""
