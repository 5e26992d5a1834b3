"""Choose which emoji concepts Spark learns, and how people name them.

A small model that draws a few hundred things recognisably is worth more than one that
draws 1,400 badly, so near duplicates (24 clock faces, 8 moon phases), written signs,
flags and rarely asked things are left out. Groups are those of emojibase-data: 0 faces, 1 people, 3 animals
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
    return frozenset(" ".join(item.split()) for item in text.split(";"))


LEARNED = _lines(
    """grinning face; face with tears of joy; winking face; smiling face with heart-eyes;
    smiling face with sunglasses; crying face; angry face; sleeping face; thinking face;
    partying face; cowboy hat face; nerd face; smiling face with halo; smiling face with
    horns; skull; pile of poo; clown face; ghost; alien; alien monster; robot; broken
    heart; red heart; yellow heart; green heart; blue heart; purple heart; collision;
    thumbs up; eye; nose; ear; brain; tooth; bone; baby; boy; girl; man; woman; old man;
    old woman; man astronaut; man cook; police officer; detective; ninja; princess;
    Santa Claus; superhero; mage; fairy; vampire; mermaid; zombie; monkey face; monkey;
    gorilla; dog face; dog; poodle; wolf; fox; raccoon; cat face; cat; black cat; lion;
    tiger face; tiger; horse face; horse; unicorn; zebra; deer; cow face; cow; pig face;
    pig; ram; goat; camel; giraffe; elephant; rhinoceros; hippopotamus; mouse face;
    mouse; hamster; rabbit face; rabbit; hedgehog; bat; bear; polar bear; koala; panda;
    sloth; kangaroo; paw prints; turkey; chicken; rooster; hatching chick; baby chick;
    bird; penguin; dove; eagle; duck; swan; owl; flamingo; peacock; parrot; frog;
    crocodile; turtle; lizard; snake; dragon face; dragon; sauropod; T-Rex; spouting
    whale; whale; dolphin; seal; fish; tropical fish; blowfish; shark; octopus; spiral
    shell; jellyfish; crab; lobster; shrimp; squid; snail; butterfly; bug; ant;
    honeybee; lady beetle; spider; spider web; bouquet; cherry blossom; rose; hibiscus;
    sunflower; blossom; tulip; seedling; potted plant; evergreen tree; deciduous tree;
    palm tree; cactus; four leaf clover; maple leaf; mushroom; grapes; watermelon;
    tangerine; lemon; banana; pineapple; mango; red apple; green apple; pear; peach;
    cherries; strawberry; blueberries; kiwi fruit; tomato; coconut; avocado; eggplant;
    potato; carrot; ear of corn; hot pepper; cucumber; broccoli; garlic; onion; bread;
    croissant; pretzel; bagel; pancakes; waffle; cheese wedge; meat on bone; poultry
    leg; cut of meat; hamburger; french fries; pizza; hot dog; sandwich; taco; egg;
    cooking; pot of food; green salad; popcorn; steaming bowl; spaghetti; sushi; soft
    ice cream; ice cream; doughnut; cookie; birthday cake; shortcake; cupcake; pie;
    chocolate bar; candy; lollipop; honey pot; glass of milk; hot beverage; teapot; wine
    glass; cocktail glass; tropical drink; beer mug; cup with straw; fork and knife;
    globe showing Americas; compass; snow-capped mountain; volcano; beach with umbrella;
    desert island; classical building; house; house with garden; office building;
    school; castle; Statue of Liberty; church; mosque; fountain; tent; cityscape; ferris
    wheel; roller coaster; circus tent; locomotive; train; bus; ambulance; fire engine;
    police car; taxi; automobile; sport utility vehicle; delivery truck; tractor; racing
    car; motorcycle; motor scooter; bicycle; skateboard; police car light; vertical
    traffic light; stop sign; anchor; sailboat; passenger ship; ship; airplane;
    parachute; helicopter; satellite; rocket; flying saucer; luggage; hourglass done;
    watch; alarm clock; full moon; crescent moon; sun; ringed planet; star; cloud; sun
    behind cloud; cloud with rain; cloud with lightning; tornado; rainbow; umbrella;
    high voltage; snowflake; snowman; fire; droplet; water wave; jack-o-lantern;
    Christmas tree; fireworks; balloon; party popper; wrapped gift; trophy; sports
    medal; soccer ball; baseball; basketball; american football; tennis; bowling; boxing
    glove; kite; pool 8 ball; crystal ball; magic wand; video game; game die; puzzle
    piece; teddy bear; chess pawn; framed picture; artist palette; yarn; glasses;
    sunglasses; necktie; t-shirt; jeans; scarf; socks; dress; handbag; backpack; man's
    shoe; running shoe; high-heeled shoe; crown; top hat; ring; gem stone; bell; musical
    note; microphone; headphone; radio; saxophone; trumpet; guitar; musical keyboard;
    violin; drum; mobile phone; telephone; battery; laptop; desktop computer;
    television; camera; magnifying glass tilted left; candle; light bulb; open book;
    closed book; green book; blue book; books; scroll; coin; money bag; dollar banknote;
    envelope; package; pencil; paintbrush; briefcase; calendar; scissors; locked; key;
    hammer; axe; crossed swords; bomb; bow and arrow; shield; carpentry saw; wrench;
    gear; magnet; ladder; test tube; microscope; telescope; syringe; pill; door; mirror;
    window; bed; couch and lamp; chair; toilet; bathtub; broom; bucket; soap;
    toothbrush; shopping cart"""
)

POPULAR = _lines(
    """red apple; banana; strawberry; tangerine; lemon; grapes; watermelon; cherries;
    pineapple; carrot; tomato; pizza; hamburger; hot dog; soft ice cream; doughnut;
    birthday cake; cupcake; cookie; hot beverage; cat; dog; cat face; dog face; rabbit;
    horse; cow; pig; ram; elephant; lion; tiger face; bear; panda; monkey face; fox;
    mouse; bird; owl; penguin; duck; baby chick; tropical fish; whale; shark; octopus;
    frog; turtle; snake; butterfly; honeybee; lady beetle; snail; unicorn; dragon;
    T-Rex; deciduous tree; evergreen tree; palm tree; cactus; sunflower; rose; tulip;
    mushroom; sun; crescent moon; star; cloud; rainbow; fire; snowman; snow-capped
    mountain; house; castle; automobile; bus; train; airplane; rocket; bicycle;
    sailboat; balloon; wrapped gift; soccer ball; basketball; guitar; red heart; blue
    heart; robot; ghost; skull; alien; grinning face; crying face; smiling face with
    sunglasses; man astronaut; mage; crown; key; light bulb; umbrella; top hat; t-shirt;
    jack-o-lantern; Christmas tree; teddy bear; camera; gem stone; flying saucer; ringed
    planet; blossom; cheese wedge; open book"""
)
"""Labels that people ask for most; they are shown several times as often."""

# What people call a thing more often than its Unicode label.
ALIASES: dict[str, tuple[str, ...]] = {
    "red apple": ("red apple", "apple", "red apple"),
    "tangerine": ("orange", "tangerine"),
    "green salad": ("salad", "green salad", "bowl of salad"),
    "police officer": ("police officer", "policeman", "cop"),
    "circus tent": ("circus", "circus tent"),
    "locomotive": ("steam train", "locomotive", "steam engine"),
    "collision": ("explosion", "boom", "collision"),
    "blossom": ("yellow flower", "flower", "blossom"),
    "bouquet": ("bouquet of flowers", "bouquet", "flowers"),
    "cherry blossom": ("pink flower", "cherry blossom"),
    "pot of food": ("pot of soup", "soup", "pot of food"),
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
    "man astronaut": ("astronaut", "man astronaut", "spaceman"),
    "sauropod": ("dinosaur", "sauropod", "brontosaurus"),
    "t-rex": ("t-rex", "tyrannosaurus rex", "dinosaur"),
    "doughnut": ("doughnut", "donut"),
    "gem stone": ("diamond", "gem stone", "gem"),
    "mobile phone": ("phone", "smartphone", "mobile phone"),
    "airplane": ("airplane", "plane", "aeroplane"),
    "fire engine": ("fire truck", "fire engine"),
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
    "dollar banknote": ("dollar bill", "money", "dollar banknote"),
    "magnifying glass tilted left": ("magnifying glass",),
    "locked": ("padlock", "lock"),
    "carpentry saw": ("saw", "carpentry saw"),
    "police car light": ("siren", "police car light"),
    "vertical traffic light": ("traffic light",),
    "hourglass done": ("hourglass",),
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
    "framed picture": ("painting", "framed picture"),
    "baby chick": ("chick", "baby chick", "yellow chick"),
    "hatching chick": ("hatching chick", "chick in an egg"),
    "spouting whale": ("spouting whale", "blue whale", "whale"),
    "blowfish": ("pufferfish", "blowfish"),
    "spiral shell": ("seashell", "shell", "spiral shell"),
    "man cook": ("chef", "man cook", "cook"),
    "high-heeled shoe": ("high heel", "high-heeled shoe", "red high heel"),
    "running shoe": ("sneaker", "running shoe"),
    "man's shoe": ("brown shoe", "leather shoe", "shoe"),
}


def plain(label: str) -> str:
    """Write a label with a typewriter apostrophe, as people type it."""
    return label.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def is_learned(label: str) -> bool:
    """Say whether Spark learns this emoji."""
    return plain(label) in LEARNED


def names_for(label: str) -> tuple[str, ...]:
    """Give the ways a person may name a label; the most usual first."""
    lower = plain(label).lower()
    return ALIASES.get(lower, (lower,))
