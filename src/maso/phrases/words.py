"""Words and patterns that sentences are filled with: names, places, goods, ids, prices and dates.

`LISTS` are drawn from; `PATTERNS` are expanded in place. Ids look like those of real shops and carriers,
long digit runs included, because telling them from card numbers is part of what is being tested.
"""

from typing import Final

LISTS: Final[dict[str, str]] = {
    "first": (
        "Anna|Bjørn|Chloé|Dmitri|Elif|François|Gülşen|Hélène|Ivana|Jürgen|Katarzyna|Liam|María|Nuno|Oğuz|"
        "Priya|Quentin|Róisín|Søren|Thúy|Ulrike|Valérie|Wojciech|Xavier|Yusuf|Zoë|Ahmed|Beatriz|Carlos|"
        "Daniela|Émile|Fatima|Giulia|Hannah|Ignacio|Joanna|Kwame|Lucía|Malik|Noémie|Olena|Paweł|Renée|"
        "Siobhán|Tomáš|Véronique|Walter|Ximena|Yara|Željko|Amara|Bruno|Céline|Désirée|Ewa|Florian"
    ),
    "last": (
        "Müller|García|O'Brien|Nguyễn|Kowalski|Dubois|Østergaard|Ferreira|Yılmaz|Novák|Lindström|Moreau|"  # noqa: RUF001
        "Schäfer|Ibrahimović|Fernández|Petrović|Lefèvre|Björklund|Castellanos|Çelik|D'Angelo|Eriksen|"
        "Fischer|Grønning|Hernández|Ivanova|Jansen|Kaplan|López|MacDonald|Nakamura|Okafor|Peña|Quinn|"
        "Rossi|Sánchez|Tremblay|Ünal|Van der Berg|Weiß|Xu|Young|Zieliński|Adeyemi|Bianchi|Contreras"
    ),
    "city": (
        "Köln|Lyon|Sevilla|Kraków|Malmö|Porto|Gdańsk|Zürich|Leeds|Galway|Nîmes|Graz|Århus|Utrecht|Bilbao|"
        "Saint-Étienne|Düsseldorf|Besançon|Bristol|Tromsø|Liège|Cádiz|Brno|Turku|Trieste|Cork|Münster|Gent"
    ),
    "street": (
        "Hauptstraße|Rue des Écoles|Calle Mayor|Mill Lane|Avenida de la Constitución|Gärtnerweg|"
        "Boulevard Saint-Michel|Station Road|Kirkegade|Ulica Długa|Via Garibaldi|Rua das Flores|Lindenallee|"
        "Chemin du Château|Paseo del Prado|Church Street|Storgata|Königsplatz|Quai de Saône|High Street"
    ),
    "colour": (
        "black|slate grey|forest green|off-white|navy|terracotta|sand|burgundy|teal|mustard|charcoal|cream|"
        "sage|rust|sky blue|anthracite"
    ),
    "material": (
        "merino wool|recycled polyester|oiled oak|stainless steel|organic cotton|cork|borosilicate glass|"
        "full-grain leather|bamboo fibre|powder-coated aluminium|linen|cast iron|stoneware|waxed canvas"
    ),
    "quality": (
        "lightweight|foldable|insulated|waterproof|handmade|rechargeable|compact|adjustable|quiet|"
        "dishwasher-safe|modular|two-person|cordless|wide-fit|child-safe|repairable|breathable|stackable"
    ),
    "thing": (
        "backpack|kettle|desk lamp|rain jacket|sleeping bag|coffee grinder|running shoe|office chair|"
        "bread knife|bicycle light|yoga mat|bookshelf|frying pan|tent|wool blanket|headphones|water bottle|"
        "keyboard|garden hose|suitcase|cutting board|wall clock|hand mixer|walking pole|duvet|camping stove|"
        "toolbox|mirror|baby carrier|plant pot|travel mug|toaster|bath mat|beanie|skateboard|projector"
    ),
    "brand": (
        "Nordhavn|Alpenglut|Fjellro|Casa Lume|Brightwell|Ostara|Kestrel & Rye|Pívoine|Vallmora|Hjem|Tindal|"
        "Bergquell|Maison Aubry|Lumen & Co|Sorrel|Ashgrove|Quillon|Wendelin|Estrela|Karst"
    ),
    "shipper": "Northbound|Paketta|Correo Azul|SwiftLane|Postexpress|Colis Direct|Meridian|Haulier One",
    "month": "January|February|March|April|May|June|July|August|September|October|November|December",
    "weekday": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "monat": "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
    "mois": "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
    "mes": "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre",
    "currency": "€|£|$|EUR |CHF ",
    "size": "XS|S|M|L|XL|36|38|39|40|41|42|43|44|45|one size",
    "small": "1|2|3|4|5|6|7|8|9|10|11|12|14|15|18|20|21|24|25|28|30",
    "year": "2021|2022|2023|2024|2025",
    "domain": "example.com|example.org|example.net|mail.example|post.example",
    "local": "a.m|hello|mail|kontakt|bonjour|info|home|familie|casa|me|office|shop|online|privat",
    "dial": "+49 30 |+33 1 |+34 91 |+44 20 |+48 22 |+353 1 |+46 8 |+41 44 ",
    "company": (
        "Halvorsen Maritime|Aurelia Foods|Tessera Semiconductors|Brennan & Hale|Corvid Robotics|Solmarca|"
        "Weißdorn Chemie|Lac Bleu Hydro|Meridional Rail|Óptima Seguros|Pelagos Shipping|Quantock Mining|"
        "Ravenna Textiles|Silberhorn Optik|Thornbury Homes|Umbra Software|Vistula Steel|Zephyr Wind"
    ),
    "ticker": "HLVM|AURF|TSSR|BRNH|CRVD|SLMC|WSDC|LCBH|MRDR|OPSG|PLGS|QNTK|RVNT|SLBH|THBY|UMBR|VSTL|ZPHW",
    "sector": (
        "shipping|consumer staples|semiconductors|regional banking|industrial automation|"
        "speciality chemicals|hydropower|rail freight|insurance|copper mining|technical textiles|"
        "home building|"
        "enterprise software|flat steel|onshore wind|medical devices|airport services|logistics property"
    ),
    "country": (
        "Norway|Portugal|Germany|Poland|Ireland|Chile|Vietnam|Canada|Denmark|Spain|Italy|Finland|Mexico|Japan"
    ),
    "metric": (
        "gross margin|free cash flow|net debt|order intake|unit cost|inventory turnover|return on capital|"
        "operating leverage|churn|backlog|working capital|capital expenditure|like-for-like sales|utilisation"
    ),
    "direction": "rose|fell|improved|slipped|widened|narrowed|held steady|recovered|softened|edged up|eased",
    "quarter": "first quarter|second quarter|third quarter|fourth quarter|first half|second half",
    "riskword": (
        "counterparty exposure|refinancing risk|commodity sensitivity|customer concentration|"
        "currency mismatch|regulatory delay|single-supplier dependence|covenant headroom|litigation|"
        "cyber incident cost|"
        "inventory write-down|lease liability|key-person dependence|liquidity under stress"
    ),
    "rule": (
        "best execution|market abuse|suitability|conflicts of interest|record keeping|disclosure of sources|"
        "personal account dealing|wall crossing|position reporting|research independence|fair presentation"
    ),
    "team": (
        "data desk|equity research|credit research|risk|compliance|portfolio construction|execution|"
        "settlements|macro|client reporting|surveillance|treasury"
    ),
    "outlet": "the trade press|the exchange|a sector newsletter|the company's site|a wire service|a blog",
}

PATTERNS: Final[dict[str, str]] = {
    "price": "{currency}{n2}.{c2}",
    "bigprice": "{currency}{n2}{d1}.{c2}",
    "preis": "{n2},{c2} €",
    "date": "{day} {month}",
    "isodate": "{year}-{mm}-{day2}",
    "datum": "{day}. {monat}",
    "ladate": "{day} {mois}",
    "fecha": "{day} de {mes}",
    "person": "{first} {last}",
    "product": "{quality} {thing}",
    "branded": "{brand} {quality} {thing}",
    "order": "{orderprefix}{d2}{d2}{d2}{d1}",
    "track": "{trackprefix}{d2}{d2}{d2}{d2}{d1}",
    "invoice": "INV-{year}-{d2}{d2}{d1}",
    "sku": "{skuprefix}-{d2}{d2}",
    "ticket": "#{n2}{d2}{d2}",
    "postcode": "{n2}{d2}{d1}",
    "house": "{n2}",
    "phone": "{dial}{n2}{d2} {d2}{d2}",
    "email": "{local}.{n2}{d1}@{domain}",
    "percent": "{small}.{d1} per cent",
    "million": "{n2}.{d1} million",
    "page": "page {n2}",
    "time": "{hh}:{minute}",
    "ref": "{refprefix}{d2}{d2}{d2}",
}

# Lists made by rule rather than by hand.
RULED: Final[dict[str, tuple[str, ...]]] = {
    "d1": tuple(str(n) for n in range(10)),
    "d2": tuple(f"{n:02d}" for n in range(100)),
    "n2": tuple(str(n) for n in range(11, 100)),
    "c2": ("00", "50", "90", "95", "99", "49", "25", "75"),
    "day": tuple(str(n) for n in range(1, 29)),
    "day2": tuple(f"{n:02d}" for n in range(1, 29)),
    "mm": tuple(f"{n:02d}" for n in range(1, 13)),
    "hh": tuple(f"{n:02d}" for n in range(7, 22)),
    "minute": tuple(f"{n:02d}" for n in range(0, 60, 5)),
    # Digits alone, with letters before or after, long and short: what shops and carriers really print.
    "orderprefix": ("ORD-", "SO", "W", "100", "A-", "BE", "4", "EC-", "K/", "nr. "),
    "trackprefix": ("JD014600", "1Z", "NB", "0034", "15501", "RR", "CX", "LX7", "9400 1", "PK-"),
    "skuprefix": ("KX", "TL", "HM", "OUT", "BK", "RW", "G7", "LMP", "AC", "V2"),
    "refprefix": ("R-", "DSK-", "N", "TKT-", "MEMO-", "Q", "X-"),
}
