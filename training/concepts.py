"""Choose which emoji concepts Spark learns, and how people name them.

A small model that draws 600 things recognisably is worth more than one that draws
1,400 badly, so near duplicates (24 clock faces, 8 moon phases), written signs and
flags are left out. Groups are those of emojibase-data: 0 faces, 1 people, 3 animals
and plants, 4 food, 5 travel and places, 6 activities, 7 objects.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One thing Spark can draw."""

    code: str
    """Lower-case code points joined by "-", without fe0f."""
    label: str
    """The noun phrase of emojibase-data, in lower case."""
    names: tuple[str, ...]
    """Ways to say it, the label's own first."""
    tags: tuple[str, ...]
    group: int


def _lines(text: str) -> frozenset[str]:
    return frozenset(item.strip() for item in text.replace("\n", " ").split(";"))


KEEP_FACES = _lines(
    """grinning face; face with tears of joy; winking face; smiling face with halo;
    smiling face with hearts; smiling face with heart-eyes; star-struck; face blowing a
    kiss; smiling face with smiling eyes; face with tongue; zany face; money-mouth face;
    shushing face; thinking face; zipper-mouth face; neutral face; sleeping face; face
    with medical mask; nauseated face; hot face; cold face; exploding head; cowboy hat
    face; partying face; smiling face with sunglasses; nerd face; face with monocle;
    frowning face; astonished face; crying face; loudly crying face; face screaming in
    fear; angry face; enraged face; smiling face with horns; skull; pile of poo; clown
    face; ogre; goblin; ghost; alien; alien monster; robot; grinning cat;
    see-no-evil monkey; love letter; heart with ribbon; broken heart; heart on fire; red
    heart; orange heart; yellow heart; green heart; blue heart; purple heart; black
    heart; pink heart; kiss mark; collision; heart with arrow"""
)

KEEP_PEOPLE = _lines(
    """waving hand; raised hand; OK hand; victory hand; thumbs up; thumbs down; clapping
    hands; handshake; folded hands; flexed biceps; raised fist; ear; nose; brain;
    anatomical heart; tooth; bone; eyes; eye; tongue; mouth; footprints; foot; leg;
    baby; boy; girl; man; woman; old man; old woman; man: beard; woman health worker;
    man health worker; woman student; man student; woman teacher; man judge; man farmer;
    woman farmer; man cook; woman cook; man mechanic; woman scientist; man scientist;
    woman technologist; man singer; woman singer; man artist; woman artist; man pilot;
    woman pilot; man astronaut; woman astronaut; man firefighter; woman firefighter;
    police officer; man police officer; detective; guard; ninja; construction worker;
    prince; princess; person in tuxedo; woman with veil; baby angel; Santa Claus; Mrs.
    Claus; superhero; supervillain; mage; fairy; vampire; mermaid; elf; genie; zombie;
    troll; woman dancing; man dancing; person surfing; person swimming; person biking;
    person running; person in lotus position; snowboarder; skier; person rowing boat;
    person juggling"""
)

DROP = _lines(
    """guide dog; service dog; wing; black bird; goose; orca; front-facing baby chick;
    pig nose; ewe; orangutan; water buffalo; ox; two-hump camel; rat; boar; badger;
    microbe; sheaf of rice; rosette; nest with eggs; leafless tree; flatbread; stuffed
    flatbread; tamale; oden; beans; ginger root; pea pod; brown mushroom; root
    vegetable; fish cake with swirl; moon cake; dango; rice cracker; pouring liquid;
    beverage box; mate; fondue; roasted sweet potato; globe showing Asia-Australia;
    globe showing Europe-Africa; globe with meridians; map of Japan; landslide; brick;
    derelict house; Japanese post office; post office; bank; love hotel; convenience
    store; department store; hindu temple; synagogue; kaaba; cityscape at dusk; sunrise
    over mountains; bridge at night; hot springs; light rail; monorail; mountain
    railway; tram car; oncoming bus; trolleybus; oncoming police car; oncoming taxi;
    oncoming automobile; motorized wheelchair; bus stop; motorway; horizontal traffic
    light; construction; motor boat; airplane departure; airplane arrival; seat;
    suspension railway; mountain cableway; hourglass not done; timer clock; twelve
    o’clock; waxing crescent moon; first quarter moon; waxing gibbous moon; waning
    gibbous moon; last quarter moon; waning crescent moon; new moon; new moon face;
    first quarter moon face; last quarter moon face; sun behind small cloud; sun behind
    large cloud; fog; wind face; cyclone; umbrella on ground; closed umbrella; umbrella
    with rain drops; snowman without snow; sparkler; tanabata tree; pine decoration;
    moon viewing ceremony; reminder ribbon; admission tickets; military medal; 2nd place
    medal; 3rd place medal; softball; rugby football; cricket game; lacrosse; goal net;
    spade suit; heart suit; diamond suit; club suit; joker; mahjong red dragon; flower
    playing cards; safety vest; sari; briefs; woman’s clothes; clutch bag; flat shoe;
    woman’s sandal; hair pick; billed cap; rescue worker’s helmet; muted speaker;
    speaker low volume; speaker medium volume; bell with slash; musical notes; level
    slider; mobile phone with arrow; telephone receiver; pager; fax machine; low
    battery; trackball; computer disk; dvd; film frames; camera with flash; magnifying
    glass tilted right; notebook with decorative cover; orange book; notebook; ledger;
    page with curl; page facing up; rolled-up newspaper; bookmark tabs; yen banknote;
    euro banknote; pound banknote; chart increasing with yen; e-mail; incoming envelope;
    envelope with arrow; outbox tray; inbox tray; closed mailbox with lowered flag; open
    mailbox with raised flag; open mailbox with lowered flag; ballot box with ballot;
    black nib; file folder; card index dividers; tear-off calendar; spiral notepad;
    card index; round pushpin; linked paperclips; card file box; locked with pen;
    hammer and pick; pick; clamp; broken chain; white cane; hook; crutch; x-ray;
    elevator; mouse trap; funeral urn; hamsa; placard; lotion bottle; safety pin;
    label; receipt; petri dish; alembic; landslide; long drum; link; prohibited;
    carp streamer; Japanese dolls; wind chime; sake; mountain railway; railway track;
    salt; canned food; barber pole; station; performing arts; identification card;
    nazar amulet; cigarette; splatter; fallen leaf; leaf fluttering in wind; dodo;
    leafy green; stadium; building construction; thong sandal; speedboat"""
)

# What people call a thing more often than its Unicode label.
ALIASES: dict[str, tuple[str, ...]] = {
    "red apple": ("red apple", "apple", "red apple"),
    "automobile": ("car", "red car", "automobile"),
    "sport utility vehicle": ("blue car", "suv", "blue suv"),
    "passenger ship": ("cruise ship", "passenger ship"),
    "deciduous tree": ("tree", "green tree", "deciduous tree"),
    "evergreen tree": ("pine tree", "evergreen tree", "fir tree"),
    "couch and lamp": ("sofa and lamp", "couch and lamp", "sofa"),
    "hamburger": ("hamburger", "burger", "cheeseburger"),
    "french fries": ("french fries", "fries", "chips"),
    "ear of corn": ("corn", "ear of corn", "corn cob"),
    "hot beverage": ("cup of coffee", "coffee", "hot beverage", "cup of tea"),
    "house with garden": ("house with a garden", "house and tree"),
    "honeybee": ("bee", "honeybee"),
    "lady beetle": ("ladybug", "lady beetle", "ladybird"),
    "wrapped gift": ("gift", "present", "wrapped gift"),
    "woman dancing": ("dancing woman", "dancer", "woman dancing"),
    "man dancing": ("dancing man", "man dancing"),
    "man astronaut": ("astronaut", "man astronaut", "spaceman"),
    "woman astronaut": ("woman astronaut", "female astronaut"),
    "sauropod": ("dinosaur", "sauropod", "brontosaurus"),
    "t-rex": ("t-rex", "tyrannosaurus rex", "dinosaur"),
    "doughnut": ("doughnut", "donut"),
    "gem stone": ("diamond", "gem stone", "gem"),
    "mobile phone": ("phone", "smartphone", "mobile phone"),
    "airplane": ("airplane", "plane", "aeroplane"),
    "passenger": ("passenger",),
    "fire engine": ("fire truck", "fire engine"),
    "articulated lorry": ("truck", "lorry"),
    "delivery truck": ("delivery truck", "truck", "van"),
    "motorcycle": ("motorcycle", "motorbike"),
    "bicycle": ("bicycle", "bike"),
    "flying saucer": ("ufo", "flying saucer"),
    "tiger face": ("tiger face", "face of a tiger"),
    "cat face": ("cat face", "face of a cat", "kitten face"),
    "cat": ("cat", "orange cat", "kitten"),
    "dog face": ("dog face", "face of a dog", "puppy face"),
    "dog": ("dog", "puppy", "brown dog"),
    "rabbit": ("rabbit", "bunny"),
    "rabbit face": ("rabbit face", "bunny face"),
    "teddy bear": ("teddy bear", "stuffed bear"),
    "soccer ball": ("soccer ball", "football ball"),
    "television": ("television", "tv"),
    "mage": ("wizard", "mage", "sorcerer"),
    "santa claus": ("santa claus", "santa", "father christmas"),
    "jack-o-lantern": ("jack-o-lantern", "halloween pumpkin", "pumpkin"),
    "potted plant": ("potted plant", "houseplant", "plant in a pot"),
    "soft ice cream": ("ice cream cone", "soft ice cream", "ice cream"),
    "ice cream": ("bowl of ice cream", "ice cream sundae"),
    "steaming bowl": ("bowl of ramen", "ramen", "noodle soup", "steaming bowl"),
    "spaghetti": ("spaghetti", "pasta", "plate of spaghetti"),
    "cooked rice": ("bowl of rice", "cooked rice", "rice"),
    "custard": ("pudding", "custard", "flan"),
    "grinning face": ("smiley", "grinning face", "happy face"),
    "crying face": ("crying face", "sad face"),
    "angry face": ("angry face", "mad face"),
    "smiling face with sunglasses": ("cool face", "smiling face with sunglasses"),
    "pile of poo": ("poop", "pile of poo"),
    "red heart": ("red heart", "heart"),
    "alien monster": ("space invader", "alien monster", "monster"),
    "snow-capped mountain": ("snowy mountain", "snow-capped mountain"),
    "beach with umbrella": ("beach", "beach with an umbrella"),
    "desert island": ("tropical island", "desert island", "island"),
    "crescent moon": ("crescent moon", "moon"),
    "ringed planet": ("planet", "saturn", "ringed planet"),
    "night with stars": ("city at night", "night with stars"),
    "globe showing americas": ("earth", "globe", "planet earth"),
    "classical building": ("temple", "greek temple", "classical building"),
    "high voltage": ("lightning bolt", "lightning", "high voltage"),
    "water wave": ("ocean wave", "wave", "water wave"),
    "droplet": ("water drop", "droplet", "drop of water"),
    "video game": ("game controller", "gamepad", "video game"),
    "game die": ("die", "dice", "game die"),
    "artist palette": ("paint palette", "artist palette"),
    "headphone": ("headphones", "headphone"),
    "musical keyboard": ("piano", "musical keyboard", "piano keys"),
    "crossed swords": ("swords", "crossed swords", "sword"),
    "glasses": ("glasses", "spectacles"),
    "open book": ("open book", "book"),
    "closed book": ("red book", "book", "closed book"),
    "green book": ("green book", "book"),
    "blue book": ("blue book", "book"),
    "money with wings": ("flying money", "money with wings"),
    "dollar banknote": ("dollar bill", "money", "dollar banknote"),
    "magnifying glass tilted left": ("magnifying glass",),
    "locked": ("padlock", "lock"),
    "unlocked": ("open padlock", "open lock"),
    "carpentry saw": ("saw", "carpentry saw"),
    "police car light": ("siren", "police car light"),
    "vertical traffic light": ("traffic light",),
    "hourglass done": ("hourglass",),
    "clinking beer mugs": ("two beers", "clinking beer mugs"),
    "beer mug": ("beer", "beer mug", "mug of beer"),
    "wine glass": ("glass of wine", "wine glass", "wine"),
    "cocktail glass": ("cocktail", "martini", "cocktail glass"),
    "glass of milk": ("glass of milk", "milk"),
    "meat on bone": ("meat on the bone", "meat"),
    "poultry leg": ("chicken leg", "drumstick", "poultry leg"),
    "cut of meat": ("steak", "cut of meat"),
    "cooking": ("fried egg", "fried egg in a pan"),
    "shortcake": ("strawberry cake", "slice of cake", "cake"),
    "birthday cake": ("birthday cake", "cake with candles"),
    "front-facing": ("front-facing",),
    "leaf": ("leaf",),
    "framed picture": ("painting", "framed picture"),
    "optical disk": ("cd", "optical disk", "compact disc"),
    "closed mailbox with raised flag": ("mailbox", "letterbox"),
    "baby chick": ("chick", "baby chick", "yellow chick"),
    "hatching chick": ("hatching chick", "chick in an egg"),
    "spouting whale": ("spouting whale", "blue whale", "whale"),
    "blowfish": ("pufferfish", "blowfish"),
    "spiral shell": ("seashell", "shell", "spiral shell"),
    "nesting dolls": ("russian doll", "nesting dolls", "matryoshka"),
    "flexed biceps": ("strong arm", "flexed biceps", "muscle"),
    "person in lotus position": (
        "person meditating",
        "yoga",
        "person in lotus position",
    ),
    "man police officer": ("policeman", "man police officer"),
    "man firefighter": ("fireman", "firefighter", "man firefighter"),
    "man cook": ("chef", "man cook", "cook"),
    "woman cook": ("woman chef", "woman cook"),
    "woman scientist": ("woman scientist", "female scientist"),
    "man scientist": ("scientist", "man scientist"),
    "high-heeled shoe": ("high heel", "high-heeled shoe", "red high heel"),
    "running shoe": ("sneaker", "running shoe"),
    "man’s shoe": ("brown shoe", "leather shoe", "shoe"),
    "woman’s boot": ("boot", "brown boot"),
    "woman’s hat": ("straw hat", "sun hat"),
    "couple": ("couple",),
}


def is_kept(label: str, group: int) -> bool:
    """Say whether Spark learns this emoji."""
    if group == 0:
        return label in KEEP_FACES
    if group == 1:
        return label in KEEP_PEOPLE
    if group in (3, 4, 5, 6, 7):
        return label not in DROP and not label.endswith(("o’clock", "-thirty"))
    return False


def names_for(label: str) -> tuple[str, ...]:
    """Give the ways a person may name a label; the most usual first."""
    lower = label.lower()
    return ALIASES.get(lower, (lower.replace("’", "'"),))
