"""Things that the user says about himself, and asks for in a later turn."""

import numpy as np

from scratchgpt.chat.starter.patterns import choose, draw, expansions

THINGS = {
    "color": "red blue green yellow black white orange purple brown pink gray",
    "animal": "cat dog horse cow fox bear owl frog lion tiger rabbit whale mouse duck",
    "food": "bread rice pasta soup pizza salad cheese fish cake fruit chocolate curry",
    "city": "Paris Rome Berlin Tokyo Lima Oslo Vienna Madrid Cairo Delhi Lisbon Dublin",
    "sport": "tennis football chess swimming running cycling hockey golf dancing skiing",
}
_SAYS = {
    "name": (
        "[My name is|my name is|I am called|Call me|Please call me|You can call me|Hi, I am"
        "|Hello, my name is|Hey, I'm] {value}[.|!|]"
    ),
    "other": "[My favorite|my favorite] {thing} is {value}[.|!|]",
}
_ASKS = {
    "name": (
        "[What is my name|what's my name|Do you remember my name|Who am I|Do you know who I am"
        "|What am I called|Tell me my name|Do you know my name|Can you say my name][?|]"
    ),
    "other": ("[What is|What's|Do you remember|Do you know|Tell me] my favorite {thing}[?|]"),
}
_GREETS = "Nice to meet you, {value}!"
_NOTES = "[I will remember that|I like that, too]: {value}."
_KNOWS = {"name": "Your name is {value}.", "other": "Your favorite {thing} is {value}."}
_DOES_NOT_KNOW = {
    "name": "You have not told me your name.",
    "other": "You have not told me your favorite {thing}.",
}
_STARTS = "B D F G H J K L M N P R S T V W Br Cl Fr Gr Kr Tr Sh Th"
_VOWELS = "a e i o u ia ea ou"
_MIDDLES = "n r l m s t d nn ll rr ss nd rt lm k v b"
_ENDS = "a o e i n s r l us an in on ia ie el ar"


def draw_name(rng: np.random.Generator) -> str:
    """Return an invented first name, so that no name can be learned by heart."""
    parts = [_STARTS, _VOWELS, _MIDDLES, _ENDS]
    if rng.random() < 0.3:
        parts = [_STARTS, _VOWELS, _MIDDLES, _VOWELS, _MIDDLES, _ENDS]
    return "".join(choose(part.split(), rng) for part in parts)


class Memory:
    """The turns of one conversation in which the user tells something, or asks for it."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def turn(self, rng: np.random.Generator) -> tuple[str, list[str]]:
        """Draw what the user says next, and all right answers."""
        thing = self._thing(rng)
        kind = "name" if thing == "name" else "other"
        slots = {"thing": thing}
        if thing in self.values or rng.random() < 0.25:
            known = self.values.get(thing)
            answer = _KNOWS[kind] if known else _DOES_NOT_KNOW[kind]
            question, slots["value"] = draw(_ASKS[kind], rng), known or ""
        else:
            slots["value"] = self.values[thing] = self._draw_value(thing, rng)
            question = draw(_SAYS[kind], rng)
            answer = _GREETS if kind == "name" else _NOTES
        answers = [one.format(**slots) for one in expansions(answer)]
        return question.format(**slots), answers

    def _thing(self, rng: np.random.Generator) -> str:
        known = list(self.values)
        if known and rng.random() < 0.7:
            return choose(known, rng)
        return "name" if rng.random() < 0.6 else choose(list(THINGS), rng)

    @staticmethod
    def _draw_value(thing: str, rng: np.random.Generator) -> str:
        if thing == "name":
            return draw_name(rng)
        return choose(THINGS[thing].split(), rng)
