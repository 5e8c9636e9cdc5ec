"""The numbered questions, in Dutch and English; see docs/audit.md for what each check can and cannot show."""

from typing import Final

from collector.audit.finding import Requirement

_R = Requirement

REQUIREMENTS: Final = (
    _R("R3", "address", "eu", "Are query, fragment and path parameters cut off before anything is stored?",
       "Worden zoekdeel, fragment en padparameters afgeknipt voordat er iets wordt bewaard?"),
    _R("R6", "sharing", "eu", "Is of a referrer only the external host kept?",
       "Blijft van een verwijzende pagina alleen de externe host over?"),
    _R("R7", "sharing", "eu", "Are click ids of advertisers never stored?",
       "Worden klik-id's van adverteerders nooit bewaard?"),
    _R("R8", "address", "eu", "Is the place no finer than a country?",
       "Is de plaats nooit fijner dan een land?"),
    _R("R9", "small groups", "eu", "Are browser, system and device closed lists?",
       "Zijn browser, systeem en apparaat gesloten lijsten?"),
    _R("R12", "who decides", "law", "Does a site count nothing until its controller switched it on?",
       "Telt een site niets totdat de verantwoordelijke haar heeft aangezet?"),
    _R("R13", "identity", "eu", "Can nobody be followed from one site to another?",
       "Kan niemand van de ene site naar de andere worden gevolgd?"),
    _R("R14", "identity", "ap", "Is the day's salt destroyed when the day closes, and nowhere left?",
       "Wordt het dagzout vernietigd als de dag sluit, en is het nergens meer te vinden?"),
    _R("R16", "address", "ap", "Is the address cut first, in every notation, and can no setting keep more?",
       "Wordt het adres eerst ingekort, in elke schrijfwijze, en kan geen instelling meer bewaren?"),
    _R("R17", "address", "ap", "Do cut address, user agent and visitor key never reach a file?",
       "Komen ingekort adres, user agent en bezoekerssleutel nooit in een bestand?"),
    _R("R20", "retention", "law", "Are the stored columns exactly those of the inventory, each with its reason?",
       "Zijn de bewaarde kolommen precies die van de inventaris, elk met haar reden?"),
    _R("R21", "small groups", "own", "Does every stored row stand for at least k visitors?",
       "Staat elke bewaarde rij voor ten minste k bezoekers?"),
    _R("R22", "small groups", "own", "Can no group smaller than k be derived by subtracting what is published?",
       "Is door aftrekken van wat gepubliceerd is geen groep kleiner dan k af te leiden?"),
    _R("R24", "small groups", "eu", "Is no time finer than an hour kept, and hours for totals only?",
       "Wordt geen tijd fijner dan een uur bewaard, en uren alleen voor totalen?"),
    _R("R25", "retention", "own", "Is no page or source of the running day in any readable file?",
       "Staat geen pagina of bron van de lopende dag in een leesbaar bestand?"),
    _R("R26", "small groups", "eu", "Can no measure give one visitor away?",
       "Kan geen maat één bezoeker verraden?"),
    _R("R29", "retention", "eu", "Is nothing kept longer than the retention period?",
       "Wordt niets langer bewaard dan de bewaartermijn?"),
    _R("R32", "security", "law", "Do the logs hold no address, user agent, path, query or key, even at DEBUG?",
       "Staan in de logboeken geen adres, user agent, pad, zoekdeel of sleutel, ook niet op DEBUG?"),
    _R("R34", "sharing", "ap", "Does the program open no connection to anybody?",
       "Opent het programma geen verbinding met wie dan ook?"),
    _R("R38", "information", "law", "Is there a ready text for visitors, made from the settings in force?",
       "Is er een kant-en-klare tekst voor bezoekers, gemaakt uit de geldende instellingen?"),
    _R("R39", "information", "own", "Does the public page show the settings in force?",
       "Toont de openbare pagina de geldende instellingen?"),
    _R("R41", "security", "law", "Is no mark from a real request found in any file the program can write?",
       "Is geen merkteken uit een echt verzoek te vinden in een bestand dat het programma kan schrijven?"),
    _R("R43", "information", "own", "Are Global Privacy Control and Do Not Track opt-outs?",
       "Gelden Global Privacy Control en Do Not Track als afmelding?"),
    _R("R54", "who decides", "own", "Is the history of settings complete and unchanged?",
       "Is de geschiedenis van de instellingen volledig en ongewijzigd?"),
)  # fmt: skip
THEMES: Final = (
    "address", "identity", "sharing", "small groups", "retention", "information", "security", "who decides",
)  # fmt: skip
