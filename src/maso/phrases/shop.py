"""Sentences of a shop: what customers write, what products are described with, what agents answer."""

from typing import Final

_QUESTION_EN = """
Hi, I am looking for a {product} in {colour}.
Hello there! Could you help me choose between the {branded} and the {sku}?
Good morning, do you still have the {branded} in size {size}?
I saw a {product} for {price} in your newsletter and have a few questions.
My old {thing} broke after {small} years, so I need a new one.
We are moving to {city} on {date} and need a {product} before then.
Quick question about item {sku}.
Is the {branded} the same as the one you sold in {year}?
It is a present for my sister {first}, who wants something {quality}.
Can you compare two kinds of {thing} for me?

I would like it in {colour}, ideally made of {material}.
My budget is around {price}, a little more is fine if it lasts.
The one on your page costs {price}, but another shop lists it at {price}.
It has to be {quality} and {quality}, the rest does not matter much.
I am {small} weeks into planning a trip and weight is what counts.
My last one was from {brand} and I was quite happy with it.
I need {small} of them, delivered to {city}.
The picture shows {colour}, the text says {colour}; which is right?

Does it come with a warranty, and for how long?
How long does delivery to {city} take at the moment?
Would it arrive before {weekday}, {date}?
Can I return it within {small} days if it does not fit?
Is {material} hard to look after?
Do you have it in stock in size {size} right now?
What is the difference in weight to the {brand} version?
Could you tell me whether spare parts are available?

-
If not, what would you recommend instead?
I read the reviews but they contradict each other.
I ordered one in {month} under {order} and it was perfect.
There was a voucher for {small} per cent, does that still apply?
Colour matters less to me than a {quality} finish.
Please do not suggest anything from {brand}, we had bad luck with it.

-
Thanks a lot, {first}
Thank you for your help!
Many thanks and best wishes from {city}, {person}
Cheers, {first}
"""

_QUESTION_DE = """
Guten Tag, ich suche einen Ersatz für meinen alten Artikel {sku}.
Hallo, ist der Artikel {sku} von {brand} noch lieferbar?
Servus, ich brauche bis zum {datum} ein Geschenk für {first}.
Moin, eine kurze Frage zur Bestellung {order} vom {datum}.

Am liebsten in Größe {size}, der Preis von {preis} ist in Ordnung.
Im Katalog stehen {preis}, auf der Seite aber {preis}.
Mir ist wichtig, dass es langlebig ist und sich reparieren lässt.
Wir wohnen in {city}, wäre eine Lieferung bis {datum} möglich?

Wie lange habe ich Zeit für eine Rückgabe?
Gibt es dafür Ersatzteile, und was kosten sie ungefähr?
Ist die Größe eher klein oder eher groß geschnitten?
Könnten Sie mir sagen, ob {brand} die Garantie verlängert hat?

-
Vielen Dank und schöne Grüße aus {city}, {person}
Danke im Voraus, {first}
Über eine schnelle Antwort würde ich mich sehr freuen.
"""

_QUESTION_FR = """
Bonjour, je cherche un modèle {brand} pour remplacer la référence {sku}.
Bonsoir, est-ce que l'article {sku} est encore disponible en taille {size} ?
Bonjour, c'est pour un cadeau à {first}, le {ladate} au plus tard.

Le prix affiché est de {preis}, mais mon bon de réduction n'apparaît pas.
J'hésite entre deux tailles, {size} et {size}.
Nous habitons à {city} et ne sommes pas là avant {time}.
Mon budget est d'environ {preis}, livraison comprise.

Quel est le délai de livraison en ce moment ?
Peut-on le retourner après essai, et qui paie les frais ?
La matière est-elle facile à entretenir ?
Y a-t-il une garantie au-delà de {small} mois ?

-
Merci d'avance, {person}
Merci beaucoup et bonne journée !
Cordialement, {first}
"""

_QUESTION_ES = """
Hola, busco algo parecido a la referencia {sku} de {brand}.
Buenos días, ¿tienen el artículo {sku} en talla {size}?
Buenas tardes, necesito un regalo para {first} antes del {fecha}.

El precio que veo es {preis}, ¿incluye el envío a {city}?
Prefiero que sea resistente y fácil de limpiar.
Mi pedido anterior, {order}, llegó muy bien.
Dudo entre la talla {size} y la {size}.

¿Cuánto tarda la entrega en estos días?
¿Se puede devolver si no me queda bien?
¿Qué garantía tiene y quién la cubre?

-
Muchas gracias, {person}
Gracias y un saludo desde {city}.
"""

_PRODUCT = """
{branded}, article {sku}.
The {branded} in {colour}: made for every day.
{brand} presents a {quality}, {quality} {thing}.
Article {sku}: {product}, {colour}, size {size}.
A {quality} {thing} from {brand}'s workshop in {city}.
New in {month}: the {product} by {brand}.

Made of {material}, with details in {colour}.
The body is {material}; every part that wears can be replaced.
{material} outside, {material} inside, nothing glued.
Its cover is {material}, tested over {n2} thousand cycles.
The frame combines {material} with {material} and carries {n2} kg.

It weighs {n2}{d1} g and measures {n2} by {n2} by {small} cm.
Dimensions: {n2} x {n2} x {n2} mm, packed weight {small}.{d1} kg.
Available in {colour}, {colour} and {colour}, sizes {size} to {size}.
Capacity {small}.{d1} litres, height {n2} cm, cable length {small}{d1} cm.

Wash at {n2} degrees or wipe with a damp cloth.
Keep it dry for the first {small} hours and away from direct heat.
No tools are needed to put it together; allow {small} minutes.
Hand wash recommended, although it survives a dishwasher.
Oil it once a year and it will outlast its owner.

Rated {small}.{d1} by {n2}{d1} buyers since {month} {year}.
Buyers praise that it is {quality}; some find it runs large.
Nine out of ten customers from {city} would buy it again.
In our own test it came {small} out of {n2}.

Warranty {small} years, spare parts kept until {year}.
Price {price}, delivery from {city} within {small} working days.
Recommended retail price {price}; now {price} while stocks last.
Ships from {city}; returns are free for {n2} days.
Country of origin {country}, importer reference {ref}.

-
Goes well with the {branded}.
Not suitable for children under {small} months.
Packaging: cardboard only, {n2} per cent recycled.
Replaces model {sku} from {year}.
"""

_PRODUCT_DE = """
{brand} Artikel {sku}, Größe {size}.
Neu im {monat}: Modell {sku} von {brand}.

Gefertigt in {city}, Gewicht {n2}{d1} g, Maße {n2} x {n2} x {small} cm.
Robuste Ausführung mit auswechselbaren Verschleißteilen, geprüft mit {n2} kg.

Pflege: feucht abwischen, nicht über {n2} Grad erhitzen.
Die Oberfläche ist geölt und kann nach Bedarf nachbehandelt werden.

Preis {preis}, lieferbar ab dem {datum} aus {city}.
Gewährleistung {small} Jahre, Ersatzteile bis mindestens {year}.
"""

_ADVICE = """
Good choice, {first}: the {branded} is what I would look at first.
From what you describe, a {product} fits better than the {branded}.
Between the two, I would take the {colour} one from {brand}.
Thanks for the details! For {city} in {month} I suggest something {quality}.
The {sku} and the {sku} differ less than the price suggests.
Let me sum up what matters to you: {quality}, {quality}, under {price}.

It is made of {material}, so it keeps its shape after {small} years of use.
Customers who came from {brand} say it feels more {quality}.
You pay {price} instead of {price}, and the guarantee is the same.
The larger one holds {small} litres more but weighs {n2}{d1} g extra.
Size {size} runs a little small; most people with {size} go one up.
It was redesigned in {year}; the older reviews are about its predecessor.

If price is the point, the {product} at {price} does {n2} per cent of the job.
If it has to last, {material} is worth the {price} more.
The set with {small} pieces is {price}, which saves you {price} over buying singly.
I would not pay extra for the {colour} edition; it is the same {thing}.
There is a promotion of {small} per cent until {date}, which I can have checked for you.

It is in stock in {city} and would be with you by {weekday}.
Delivery takes {small} working days at the moment.
You can send it back within {n2} days, no questions asked.
We have {n2} left in {colour}, and more arrive on {date}.

Shall I put one in your basket?
Would you like to see it next to the {branded}?
Tell me the size and I will check the stock.
Do you want me to compare the running costs as well?
-
"""

_COMPLAINT_EN = """
I am writing about order {order}, placed on {date}.
This is the {small}th time I write about {ticket}.
My parcel {track} was marked as delivered on {weekday}, but nothing came.
I am really disappointed with the {branded} I received.
The {thing} from order {order} stopped working after {small} days.
Wrong item again: I ordered {sku} and got {sku}.

The box was open and the {thing} had a scratch across the front.
According to the tracking page {track} it has been in {city} since {date}.
I was charged {price} although your page said {price}.
It was supposed to be {colour}, and what arrived is {colour}.
Two of the {small} pieces are missing, the invoice {invoice} lists all of them.
The seam came apart the first time we used it, which is not what {material} should do.

I called on {weekday} at {time} and waited {n2} minutes.
Your colleague {first} promised a call back by {date}.
I sent pictures on {date}; the answer was a form letter.
The chat told me to wait {small} more days, which I did.
My neighbour {person} did not take it either, I asked.

I would like my money back, {price} including delivery.
Please send a replacement by {date} or take it back.
I expect at least a discount of {small} per cent for the trouble.
Kindly tell me what happens next, and when.
I want to return it; how do I get a label for {city}?

-
We have been customers since {year} and this never happened before.
Regards, {person}, {city}
Not happy, {first}
I attach the receipt {invoice}.
"""

_COMPLAINT_DE = """
Sehr geehrte Damen und Herren, meine Bestellung {order} vom {datum} ist nicht angekommen.
Ich bin sehr enttäuscht von Artikel {sku}, geliefert am {datum}.
Die Sendung {track} hängt seit dem {datum} in {city} fest.

Laut Rechnung {invoice} habe ich {preis} bezahlt, vereinbart waren {preis}.
Das Paket war beschädigt, und es fehlten {small} Teile.
Am Telefon hieß es, man melde sich bis {time}, passiert ist nichts.

Ich bitte um Erstattung oder Ersatz bis zum {datum}.
Bitte schicken Sie mir ein Rücksendeetikett nach {city}.
Wann kann ich mit einer Lösung rechnen?

Mit freundlichen Grüßen, {person}
Grüße, {first} {last}
-
"""

_COMPLAINT_FR = """
Bonjour, ma commande {order} du {ladate} n'est toujours pas arrivée.
Je suis très déçue par l'article {sku}, reçu abîmé le {ladate}.
Le colis {track} est bloqué à {city} depuis le {ladate}.

On m'a facturé {preis} au lieu de {preis}, voir la facture {invoice}.
Il manque {small} pièces et l'emballage était déjà ouvert.
Votre collègue devait me rappeler avant {time}.

Je demande le remboursement ou un échange avant le {ladate}.
Pouvez-vous m'envoyer une étiquette de retour ?

Cordialement, {person}
-
"""

_REPLY = """
Dear {person}, thank you for getting in touch about {order}.
Hello {first}, I am sorry about the trouble with {order}.
Thank you for your patience, {first}; I have looked into {ticket}.
Dear {first}, I understand why this is annoying.

The parcel {track} was scanned in {city} on {date} and is moving again.
Our warehouse in {city} confirms that the {thing} was packed in the wrong size.
The carrier {shipper} has opened a search, which takes {small} working days.
You were charged {price}; the right amount is {price}.
The photos show a fault in the {material}, so this is covered.

A replacement leaves {city} on {date} at no cost to you.
I have asked for a refund of {price}, which needs a second check.
As a gesture I can offer {price} of credit for your next order.
You will get a return label within the hour; drop it off anywhere in {city}.
If the search ends without result, we send a new one on {weekday}.

You need not do anything until then.
Please keep the packaging until {date}.
You can follow it under {track}.
Let me know if {weekday} does not suit you.

Kind regards, {first}
-
I remain at your disposal, {first} from support.
"""

_ORDER_NOTE = """
Basket: {small} x {sku}, {small} x {sku}, {colour}.
Customer wants {colour} instead of {colour}, size {size}.
{small} units of {sku} reserved until {time}.
Order {order}: gift wrap in {colour}, no invoice in the box.
Line {small} changed from size {size} to size {size}.
Split delivery: {sku} now, {sku} from {date}.

Total {bigprice} including {price} delivery.
Price locked at {price} since {time}.
Voucher not combined with the {small} per cent promotion.
Stock in {city} checked at {time}, {n2} left.
Tax rate of {country} applied, {percent}.

Deliver to {city} after {time}, ring at {last}.
Leave with the neighbour at number {house} if nobody answers.
Customer will confirm the total on the page.
Customer asked for delivery on {weekday}, {date}.
Previous order {order} was returned in {month}.

-
Noted at {time}.
Internal reference {ref}.
Handover: nothing open.
"""

_ADDRESS = """
{person}, {street} {house}, {postcode} {city}
{street} {house}, {postcode} {city}, {country}
c/o {last}, {street} {house}, flat {small}, {postcode} {city}
{person}, {house} {street}, {city} {postcode}, {country}
{brand} GmbH, {street} {house}, {postcode} {city}
"""

_NAME = """
{person}
{first} {first} {last}
{first} {last}-{last}
"""

_CONTACT = """
{person}, {email}, {phone}
{first} {last} can be reached at {email} or {phone}.
Please write to {email}; calls to {phone} after {time}, {person}.
"""

_CARRIER = """
{shipper}: parcel {track}.
Status for {track}:
{shipper} service update, reference {ref}, consignment {track}.

Scanned at the depot in {city} at {time} on {date}.
Out for delivery in {city}, expected between {time} and {time}.
Handed to {shipper} for the last mile in {city}.
Held at customs in {city}, declared value {price}.
Delivery attempt at {time}, nobody home, next try on {weekday}.
Delivered at {time}, signed by {last}.

Weight {small}.{d1} kg, {small} of {small} pieces.
Service: standard, {small} working days, surcharge {price}.
Next stop {city}, distance {n2}{d1} km.
Locker {n2} at {street}, open until {time}.
-
"""

_PAYMENT = """
Payment for {order} is authorised over {bigprice}.
The bank has approved {bigprice} for order {order}.
{bigprice} captured for {order} at {time}.
Authorisation for {order} was declined by the issuer at the first attempt.
The customer completed the second factor at {time}.

Method: card, issuer in {country}, no risk signal.
Risk score {n2} of 100, below the limit for review.
Settlement date {isodate}, batch {ref}.
The amount matches the confirmed basket to the cent.
Currency conversion none, fee {price}.

Receipt {invoice} issued, reference {ref}.
The authorisation expires on {date}.
Nothing further is owed, see {ref}.
"""

SHAPES: Final[dict[str, tuple[str, ...]]] = {
    # English four times in six or so: what an international shop sees.
    "question": (
        _QUESTION_EN,
        _QUESTION_EN,
        _QUESTION_EN,
        _QUESTION_EN,
        _QUESTION_EN,
        _QUESTION_DE,
        _QUESTION_FR,
        _QUESTION_ES,
    ),
    "product": (_PRODUCT, _PRODUCT, _PRODUCT, _PRODUCT, _PRODUCT_DE),
    "advice": (_ADVICE,),
    "complaint": (_COMPLAINT_EN, _COMPLAINT_EN, _COMPLAINT_EN, _COMPLAINT_DE, _COMPLAINT_FR),
    "reply": (_REPLY,),
    "order_note": (_ORDER_NOTE,),
    "address": (_ADDRESS,),
    "name": (_NAME,),
    "contact": (_CONTACT,),
    "carrier": (_CARRIER,),
    "payment": (_PAYMENT,),
}
