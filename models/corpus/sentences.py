# SPDX-License-Identifier: Apache-2.0
"""Free sentences with many beginnings, so that the model can go on from prompts that no story starts with."""
from facts import FACTS
from stories import a, cap, story
from words import *

# infinitive, past, -ing; what follows is an object or a place
ACTIONS = """read a book:read a book:reading a book|visit the museum:visited the museum:visiting the museum|learn a new language:learned a new language:learning a new language
walk along the river:walked along the river:walking along the river|cook a warm meal:cooked a warm meal:cooking a warm meal|write a letter:wrote a letter:writing a letter
repair the old clock:repaired the old clock:repairing the old clock|play the guitar:played the guitar:playing the guitar|plant a tree:planted a tree:planting a tree
build a small robot:built a small robot:building a small robot|draw a map:drew a map:drawing a map|help a friend:helped a friend:helping a friend
climb the mountain:climbed the mountain:climbing the mountain|swim in the lake:swam in the lake:swimming in the lake|clean the kitchen:cleaned the kitchen:cleaning the kitchen
buy fresh bread:bought fresh bread:buying fresh bread|sing a song:sang a song:singing a song|paint the door:painted the door:painting the door
watch the stars:watched the stars:watching the stars|travel by train:traveled by train:traveling by train|take pictures of birds:took pictures of birds:taking pictures of birds
grow vegetables:grew vegetables:growing vegetables|tell a story:told a story:telling a story|feed the animals:fed the animals:feeding the animals
train a model:trained a model:training a model|test the machine:tested the machine:testing the machine|solve a hard problem:solved a hard problem:solving a hard problem
bake an apple pie:baked an apple pie:baking an apple pie|listen to the rain:listened to the rain:listening to the rain|go home early:went home early:going home early""".replace("\n", "|").split("|")
REASONS = ["it is useful", "it is fun", "it makes people happy", "it is good for the health", "nobody else does it", "everyone can learn from it", "the days are long",
           "there is enough time", "it is a good start", "it brings people together", "the work is never boring", "it is better than waiting"]
SUBJECTS = [("I", "am", "my"), ("We", "are", "our"), ("They", "are", "their"), ("You", "are", "your"), ("The children", "are", "their"), ("My friends", "are", "their"),
            ("Many people", "are", "their"), ("The engineers", "are", "their"), ("The students", "are", "their"), ("Some people", "are", "their")]
SPEAKERS = """professor teacher doctor engineer captain scientist president writer king queen manager student driver farmer old man young woman little girl little boy
man woman child mayor judge poet professor""".replace("old man", "old_man").replace("young woman", "young_woman").replace("little girl", "little_girl").replace("little boy", "little_boy").split()
TOPICS = """music science history water light time travel nature food sleep work school friendship mathematics art language
health sport energy weather technology programming chess democracy history reading writing cooking memory learning life love peace money""".split() + ["artificial intelligence", "deep learning", "the internet", "the future"]
TRUTHS = ["it is never too late to learn", "small steps lead far", "the answer is simple", "everything takes time", "the weather would change soon", "help was on the way",
          "the work was almost done", "the road was long but safe", "every question has an answer", "people should listen more", "good tools make work easier",
          "the machine needed more power", "the old bridge was still strong", "nothing was lost", "the next day would be better", "all of us can do something"]


def action(t):
    return t.pick(ACTIONS).split(":")


def clause(t):
    """A statement about the world, without a full stop, that can follow 'that'."""
    kind, tool = t.pick(list(ANIMALS)), t.pick(list(MACHINES))
    who = t.person().name
    return t.pick([t.pick(TRUTHS), f"{a(kind)} lives {ANIMALS[kind][0]}", f"{a(kind)} can {ANIMALS[kind][2]}", f"{a(tool)} {MACHINES[tool][0]}", f"{a(tool)} needs {MACHINES[tool][2]}",
                   f"{who} was {t.pick(FEELINGS)}", f"{who} had {action(t)[1].replace('drew', 'drawn').replace('wrote', 'written').replace('took', 'taken').replace('swam', 'swum').replace('sang', 'sung').replace('grew', 'grown').replace('went', 'gone')}",
                   f"the {t.pick(PLACES)} was {t.pick(['quiet', 'empty', 'closed', 'full of people', 'very old'])}", f"{t.pick(TOPICS)} is important"])


def personal(t):
    subject, be, own = t.pick(SUBJECTS)
    do, did, doing = action(t)
    do2, did2, doing2 = action(t)
    where, reason = t.place(), t.pick(REASONS)
    return t.pick([f"{subject} want to {do} because {reason}.", f"{subject} want to {do} and to {do2}.", f"{subject} like {doing}, because {reason}.", f"{subject} {be} {doing} now.",
                   f"{subject} {did} and then {did2}.", f"{subject} would like to {do} in the {where}.", f"{subject} have to {do} before the evening.", f"{subject} can {do} when the weather is good.",
                   f"{subject} {be} {t.pick(FEELINGS)} today, because {own} friends are coming.", f"{subject} never {do} on {t.pick(DAYS)}.", f"{subject} think that {clause(t)}.",
                   f"{subject} know that {clause(t)}.", f"{subject} believe that {t.pick(TOPICS)} is important.", f"{subject} need {a(t.thing())} to {do}.", f"{subject} love {t.pick(FOODS)} and {t.pick(TOPICS)}.",
                   f"{subject} should {do} more often, because {reason}.", f"{subject} will {do} tomorrow.", f"{subject} decided to {do} after a long day.", f"{subject} live near the {where}."])


def reported(t):
    speaker = t.pick(SPEAKERS).replace("_", " ")
    verb = t.pick(["said", "explained", "thought", "knew", "believed", "told us", "wrote", "answered", "noticed", "remembered", "hoped"])
    return t.pick([f"The {speaker} {verb} that {clause(t)}.", f"{t.person().name} {verb} that {clause(t)}.", f"People say that {clause(t)}.", f"Everyone knows that {clause(t)}.",
                   f"It is said that {clause(t)}.", f"The {speaker} wanted to {action(t)[0]}.", f"The {speaker} is {t.pick(FEELINGS)} and wants to {action(t)[0]}.",
                   f"The {speaker} looked at the {t.pick(THINGS)} and smiled.", f"The {speaker} went to the {t.place()} and {action(t)[1]}.", f"She {verb} that {clause(t)}.", f"He {verb} that {clause(t)}.",
                   f"Scientists have found that {clause(t)}.", f"The news today is that {clause(t)}."])


def framed(t):
    do, did, doing = action(t)
    where, topic, reason = t.place(), t.pick(TOPICS), t.pick(REASONS)
    year = 1900 + int(t.rng.random() * 200)
    color = t.pick(COLORS)
    who = t.person()
    return t.pick([f"In the year {year}, people {did} in the {where}.", f"In the year {year}, {who.name} {did}.", f"In {year}, a new {t.pick(PLACES)} was built near the {where}.",
                   f"My favorite color is {color}, because it is the color of {t.pick(['the sky', 'the sea', 'the forest', 'the sun', 'the night', 'autumn leaves', 'fresh snow'])}.",
                   f"My favorite {t.pick(['animal', 'pet'])} is the {t.pick(list(ANIMALS))}, because {reason}.", f"My favorite food is {t.pick(FOODS)}.", f"My favorite season is {t.pick(SEASONS)}, because {reason}.",
                   f"If it rains tomorrow, we will {do}.", f"If you want to {do}, you need {a(t.thing())}.", f"When I was young, I often {did} with my {t.pick(FAMILY_F)}.", f"When the sun rises, the {t.pick(PLACES)} becomes bright.",
                   f"It is important to {do}, because {reason}.", f"It is easy to {do}, but it takes time.", f"The best way to {do} is to start early.", f"The most important thing is that {clause(t)}.",
                   f"{cap(topic)} is important, because {reason}.", f"{cap(topic)} is a large subject, and every day there is something new to learn.", f"The history of {topic} is long and interesting.", f"The meaning of {topic} is different for everyone.",
                   f"The secret of {topic} is patience.", f"Please {do} before you leave the {where}.", f"Thank you for {doing} with me yesterday.", f"Let us {do} together.", f"There are many ways to {do}.", f"There was {a(t.thing(2))} in the {where}.",
                   f"This is {a(t.thing())} that {who.name} bought in the {where}.", f"Yesterday {who.name} {did} in the {where}.", f"Tomorrow {who.name} will {do}.", f"Today we are {doing}.", f"Last night {who.name} {did} until midnight.",
                   f"Why do people {do}? They {do} because {reason}.", f"Why is {topic} important? {cap(topic)} is important because {reason}.", f"How can I {do}? You can {do} when you have enough time and {a(t.thing())}.",
                   f"Why is the {t.pick(['sky', 'sea', 'sun', 'moon', 'grass', 'night', 'ice', 'world', 'river', 'fire'])} {t.pick(['blue', 'green', 'warm', 'cold', 'bright', 'dark', 'round', 'quiet'])}? That is a good question, and even the {t.pick(JOBS)} does not know the answer.",
                   f"How to {do}: first find {a(t.thing())}, then start slowly, and do not stop too early.", f"A good {t.pick(JOBS)} knows that {clause(t)}.", f"After a long day, {who.name} {did}.", f"Before breakfast, {who.name} {did}.", f"Every morning {who.name} goes to the {where}.",
                   f"Nobody knows why the {t.pick(PLACES)} is so quiet.", f"One of the best things in life is {doing}.", f"The world is full of {t.pick(['wonderful places', 'small surprises', 'good people', 'strange animals', 'old stories'])}.", f"Life is better when people share what they have.",
                   f"Machines can help people to {do}.", f"Once there was {a(t.pick(JOBS))} who could not {do}.", f"Two friends wanted to {do}, but the weather was bad.", f"This morning the {where} was quiet.", f"She {did} and was very {t.pick(FEELINGS)}.",
                   f"He {did} and was very {t.pick(FEELINGS)}.", f"Here is a short text about {topic}. {cap(topic)} is important, because {reason}."])


def free(t):
    count = 1 + int(t.rng.random() * 4)
    return " ".join(t.pick([personal, reported, framed, framed])(t) for _ in range(count))


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def strange_word(t):
    letters = "".join(t.pick(LETTERS) for _ in range(2 + int(t.rng.random() * 8)))
    return t.pick([letters, letters, letters.capitalize(), letters.upper(), str(int(t.rng.random() * 5000)), letters + t.pick("-_/@#é€ç"), t.pick(["?", "&", "...", "(", ")", "*", "=", "ü", "ş"])])


def after_anything(t):
    """Words that mean nothing, and then a text: whatever is typed, a sentence follows."""
    prefix = " ".join(strange_word(t) for _ in range(1 + int(t.rng.random() * 7)))
    text = t.pick([free, lambda t: story(t)[0], lambda t: t.pick(FACTS)(t)])(t)
    return prefix + t.pick([". ", "? ", "! ", ": ", "\n", " ", ", and then: "]) + text
