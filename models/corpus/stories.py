# SPDX-License-Identifier: Apache-2.0
"""Stories of several sentences that stay with their hero. Every function takes a Teller and gives one text."""
from words import *


def a(phrase):
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def cap(text):
    return text[0].upper() + text[1:]


class Teller:
    """A seeded source of choices, with the small phrases that all texts share."""

    def __init__(self, rng):
        self.rng = rng

    def pick(self, options):
        return options[int(self.rng.random() * len(options))]

    def two(self, options):
        return self.rng.sample(list(options), 2)

    def chance(self, share):
        return self.rng.random() < share

    def person(self):
        if self.chance(0.5):
            return Hero(self.pick(GIRLS), "she", "her", "her")
        return Hero(self.pick(BOYS), "he", "him", "his")

    def other(self, hero):
        while True:
            found = self.person()
            if found.name != hero.name:
                return found

    def creature(self):
        kind = self.pick(list(ANIMALS))
        he, him, his = self.pick([("she", "her", "her"), ("he", "him", "his")])
        return Hero("the " + kind, he, him, his, kind)

    def animal_adj(self, kind):
        return self.pick(ANIMALS[kind][3].split())

    def thing(self, adjectives=1):
        chosen = self.two(THING_ADJ)[:adjectives]
        return " ".join(chosen + [self.pick(THINGS)])

    def place(self):
        return f"{self.pick(PLACE_ADJ)} {self.pick(PLACES)}" if self.chance(0.6) else self.pick(PLACES)

    def relative(self, hero):
        if self.chance(0.5):
            return f"{hero.his} {self.pick(FAMILY_F)}", "she", "her"
        return f"{hero.his} {self.pick(FAMILY_M)}", "he", "him"

    def when(self):
        return self.pick(["One day", "One morning", "One evening", "Early in the morning", "Last summer", "Last winter", "Yesterday",
                          f"On {self.pick(DAYS)}", f"On a {self.pick(list(WEATHER))} day", "After breakfast", "In the afternoon",
                          f"One day in {self.pick(SEASONS)}", "Late in the evening", f"In {self.pick(MONTHS)}"])

    def later(self):
        return self.pick(["Then", "After that", "A little later", "Soon", "The next day", "An hour later", "In the evening", "At last"])


class Hero:
    def __init__(self, name, he, him, his, kind=None):
        self.name, self.he, self.him, self.his, self.kind = name, he, him, his, kind


GOOD_ENDS = ["{He} was very {good}.", "It was a {fine} day.", "From that day on, {name} was never {bad} again.", "Everybody was {good}.",
             "That night {name} slept very well.", "{He} smiled and went home.", "{He} never forgot that day.",
             "And so the day ended well.", "{name} told {his} friends about it.", "{He} learned that {lesson}.", "The end of the day was quiet and warm."]
LESSONS = ["it is good to share", "small steps lead far", "friends help each other", "patience is worth more than speed",
           "a kind word costs nothing", "it is never too late to learn", "careful work saves time", "asking for help is not a weakness",
           "even a small light helps in the dark", "old things can be useful again", "everyone makes mistakes", "good things take time"]


def ending(t, hero):
    return t.pick(GOOD_ENDS).format(He=cap(hero.he), name=hero.name, his=hero.his, good=t.pick(["happy", "proud", "thankful", "cheerful", "calm"]),
                                    fine=t.pick(["good", "lovely", "wonderful", "long", "quiet"]), bad=t.pick(["sad", "lonely", "afraid", "nervous"]),
                                    lesson=t.pick(LESSONS))


def sentence_case(text):
    """Upper case at the start of each sentence: a hero may be called 'the fox'."""
    out, start = [], True
    for index, char in enumerate(text):
        out.append(char.upper() if start and char.isalpha() else char)
        if char.isalpha() or char.isdigit():
            start = False
        elif char in ".!?" and text[index + 1:index + 2] in (" ", "\n", ""):
            start = True
        elif char == '"' and text[index - 1:index] == " ":
            start = True
    return "".join(out)


def opening(t, hero, fairy):
    if hero.kind:
        adjective, home = t.animal_adj(hero.kind), ANIMALS[hero.kind][0]
        return t.pick([f"Once upon a time there was {a(adjective)} {hero.kind} who lived {home}.",
                       f"Once upon a time, {a(adjective)} {hero.kind} lived {home}.",
                       f"There was once {a(adjective)} {hero.kind} that lived {home}.",
                       f"Far away, {home}, there lived {a(adjective)} {hero.kind}."])
    job = t.pick(JOBS)
    place = t.place()
    first = [f"Once upon a time there was {a(job)} named {hero.name} who lived near {a(place)}.",
             f"Once upon a time, {a(job)} named {hero.name} lived in {a(t.pick(PLACE_ADJ))} town.",
             f"Once upon a time there lived a {'girl' if hero.he == 'she' else 'boy'} named {hero.name}.",
             f"Once upon a time, in {a(t.pick(PLACE_ADJ))} village, there lived a {'girl' if hero.he == 'she' else 'boy'} named {hero.name}."]
    second = [f"{hero.name} was {a(job)} who lived near the {place}.", f"{hero.name} lived near the {place} with {t.relative(hero)[0]}.",
              f"There was a {t.pick(['young', 'clever', 'quiet', 'brave', 'kind'])} {job} named {hero.name}.",
              f"{hero.name} liked the {place} very much."]
    return t.pick(first if fairy else second)


def lost_and_found(t, hero):
    thing = t.thing()
    noun = thing.split()[-1]
    place, other = t.place(), t.place()
    helper, he, him = t.relative(hero) if not hero.kind else ("a friend", "he", "him")
    return [f"{t.when()}, {hero.name} lost {hero.his} {thing}.", f"{cap(hero.he)} looked for it in the {place}, but it was not there.",
            t.pick([f"Then {hero.he} asked {helper} for help.", f"{cap(hero.he)} was {t.pick(['sad', 'worried', 'nervous'])} and did not know what to do."]),
            t.pick([f"Together they went to the {other} and looked again.", f"{cap(hero.he)} looked behind the {t.pick(THINGS)} and under the {t.pick(THINGS)}.",]),
            t.pick([f"At last {hero.he} found the {noun} near the {t.pick(['door', 'tree', 'window', 'wall', 'bench', 'stairs'])}.",
                    f"In the end, the {noun} was right beside {hero.his} bed."])]


def gift(t, hero):
    friend = t.other(hero)
    thing = t.thing(2)
    noun = thing.split()[-1]
    return [f"{t.when()}, {hero.name} wanted to give {friend.name} a present.", f"{cap(hero.he)} went to the {t.place()} and found {a(thing)}.",
            t.pick([f"The {noun} was not cheap, but {hero.he} had saved some money.", f"It cost {t.pick(NUMBERS)} coins.", f"{cap(hero.he)} packed it in {t.pick(COLORS)} paper."]),
            f"{t.later()} {hero.he} gave the {noun} to {friend.name}.",
            t.pick([f'"Thank you, this is the best {noun} I have ever had," said {friend.name}.', f"{friend.name} smiled and said that it was beautiful.",
                    f"{friend.name} was so {t.pick(['happy', 'surprised', 'proud'])} that {friend.he} began to {t.pick(['dance', 'laugh', 'sing'])}."])]


def meeting(t, hero):
    kind = t.pick([k for k in ANIMALS if k != hero.kind])
    home, food, can, adjectives, young, _ = ANIMALS[kind]
    place = t.place()
    return [f"{t.when()}, {hero.name} went to the {place} and met {a(t.pick(adjectives.split()))} {kind}.",
            t.pick([f'"Good morning," said the {kind}. "Can you help me?"', f'"Hello," said {hero.name}. "What are you doing here?"',
                    f"The {kind} looked {t.pick(['hungry', 'tired', 'lost', 'sad'])}."]),
            t.pick([f"{cap(hero.he)} gave the {kind} some {t.pick(FOODS)} and a little {t.pick(DRINKS)}.", f"{cap(hero.he)} sat down beside the {kind} and listened.",
                    f"The {kind} was looking for {a(young)}, and {hero.name} helped to find it."]),
            t.pick([f"The {kind} showed {hero.him} how to {can}.", f"Soon {hero.name} and the {kind} became good friends.",
                    f"They walked to the {t.place()} together."]),
            t.pick([f"Every {t.pick(['morning', 'evening', 'day', 'week'])} they met again near the {t.pick(['old tree', 'gate', 'well', 'bridge', 'river'])}.",
                    f'"You are a good friend," said the {kind}.'])]


def repair(t, hero):
    machine = t.pick(list(MACHINES))
    purpose, parts, need, adjectives = MACHINES[machine]
    first, second = t.two(adjectives.split())
    return [f"{t.when()}, the {first} {machine} in the {t.place()} stopped working.", f"{hero.name} wanted to repair it.",
            t.pick([f"{cap(hero.he)} opened it and saw {parts}.", f"{cap(hero.he)} knew that {a(machine)} needs {need}.", f"{cap(hero.he)} read the manual from the first page to the last."]),
            t.pick(["One small part was broken.", "A cable was loose.", "There was dust everywhere.", "Nobody had cleaned it for years.", "A screw was missing."]),
            t.pick([f"{cap(hero.he)} worked for {t.pick(NUMBERS)} hours and tested every part.", f"{cap(hero.he)} cleaned it, turned the switch and waited.",
                    f"{cap(hero.he)} made a new part and put it in the right place."]),
            t.pick([f"Then the {machine} started again.", f"In the evening the {machine} worked better than before.", f"Suddenly there was a soft sound, and the {machine} was working again."])]


def cooking(t, hero):
    dish = t.pick(list(DISHES))
    parts, pot, time, side = DISHES[dish]
    guest = t.other(hero)
    return [f"{t.when()}, {hero.name} wanted to make {dish}.", f"{cap(hero.he)} took {parts} and {pot}.",
            t.pick([f"{guest.name} came into the kitchen and helped {hero.him}.", f"{cap(hero.he)} followed the recipe step by step.", "The kitchen was warm and full of good smells."]),
            f"After {time} the food was ready.", t.pick([f"They ate it with {side}.", f"{guest.name} said that it tasted wonderful.", f"There was enough for {t.pick(NUMBERS)} people."])]


def journey(t, hero):
    start, goal = t.two(PLACES)
    vehicle = t.pick(["by train", "on foot", "by bicycle", "in a small boat", "by bus", "on an old ship"])
    weather = t.pick(list(WEATHER))
    return [f"{t.when()}, {hero.name} left the {start} and traveled to the {goal} {vehicle}.", f"It was {a(weather)} day, and {WEATHER[weather][1]}.",
            t.pick([f"On the way {hero.he} saw {a(t.thing())} and {a(t.thing())}.", f"The way was long, so {hero.he} stopped to eat some {t.pick(FOODS)}.",
                    f"On the way {hero.he} met {a(t.pick(JOBS))} who knew the way."]),
            t.pick([f"After {t.pick(NUMBERS)} hours {hero.he} could see the {goal}.", f"When {hero.he} arrived, the {goal} was {t.pick(['quiet', 'empty', 'full of people', 'closed', 'bright'])}."]),
            t.pick([f"{cap(hero.he)} wrote a letter to {t.relative(hero)[0]} and told everything.", f"{cap(hero.he)} stayed there for {t.pick(NUMBERS)} days.",
                    f"{cap(hero.he)} rested under a tree and looked at the sky."])]


def learning(t, hero):
    skill, first, done = t.pick([("play the violin", "the sound was terrible", "play a whole song"), ("swim", "the water was cold", "cross the lake"),
                                 ("draw animals", "every horse looked like a dog", "draw a beautiful horse"), ("read maps", "all the lines looked the same", "find every village"),
                                 ("bake bread", "the bread was as hard as a stone", "bake for the whole family"), ("write programs", "nothing worked", "write a small game"),
                                 ("ride a bicycle", "it was hard to keep the balance", "ride to the next village"), ("grow tomatoes", "the plants were weak", "fill a whole basket"),
                                 ("play chess", "every game was lost", "win against the teacher"), ("speak another language", "the words were strange", "talk with people from far away")])
    helper, he, him = t.relative(hero)
    return [f"{t.when()}, {hero.name} wanted to learn to {skill}.", f"At first {first}.",
            t.pick([f'"Do not worry," said {helper}. "Try again tomorrow."', f"{cap(helper)} showed {hero.him} how to begin.", f"{cap(hero.he)} was {t.pick(['sad', 'tired', 'nervous'])}, but {hero.he} did not stop."]),
            f"{cap(hero.he)} practiced every {t.pick(['day', 'morning', 'evening'])} for {t.pick(NUMBERS)} {t.pick(['weeks', 'months'])}.",
            f"At last {hero.he} could {done}."]


def weather_story(t, hero):
    kind = t.pick(list(WEATHER))
    _, past, feel, todo = WEATHER[kind]
    return [f"{t.when()}, {hero.name} looked out of the window.", f"It was {kind}, and {past}.", f"{cap(hero.he)} decided to {t.pick(todo)}.",
            t.pick([f"{t.other(hero).name} came too.", f"{cap(hero.he)} took {a(t.thing())} along.", f"The air was {feel}."]),
            t.pick([f"{t.later()} the weather changed.", f"In the evening {hero.he} drank a cup of {t.pick(DRINKS)}.", f"Later {hero.he} drew a picture of the {t.pick(PLACES)}."])]


PLOTS = [lost_and_found, gift, meeting, repair, cooking, journey, learning, weather_story]
ANIMAL_PLOTS = [meeting, lost_and_found, weather_story]


def story(t, fairy=None):
    fairy = t.chance(0.5) if fairy is None else fairy
    hero = t.creature() if t.chance(0.3) else t.person()
    lines = [opening(t, hero, fairy or bool(hero.kind))]
    lines += t.pick(ANIMAL_PLOTS if hero.kind else PLOTS)(t, hero)
    if t.chance(0.25):
        lines += t.pick(ANIMAL_PLOTS if hero.kind else PLOTS)(t, hero)
    lines.append(ending(t, hero))
    return sentence_case(" ".join(lines)), hero
