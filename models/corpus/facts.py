# SPDX-License-Identifier: Apache-2.0
"""Short texts about the world: animals, machines, weather, cooking, jobs, numbers. Every function gives one paragraph."""
from stories import a, cap, sentence_case
from words import *


def animal(t, kind=None):
    kind = kind or t.pick(list(ANIMALS))
    home, food, can, adjectives, young, sound = ANIMALS[kind]
    first, second = t.two(adjectives.split())
    lines = [t.pick([f"{a(kind)} is {a(first)} animal that lives {home}.", f"The {kind} is {first} and {second}.", f"{a(kind)} lives {home}."]),
             t.pick([f"It eats {food}.", f"It likes to eat {food}.", f"Its food is {food}."]),
             t.pick([f"{a(kind)} can {can}.", f"It can {can}."]),
             f"A young {kind} is called {a(young)}.",
             t.pick([f"When it is {t.pick(['happy', 'hungry', 'afraid', 'excited'])}, the {kind} {sound}.", f"Many people like the {kind} because it is {second}.",
                     f"In {t.pick(SEASONS)} the {kind} looks for {food}."])]
    return sentence_case(" ".join(keep(t, lines)))


def keep(t, lines):
    """The first line and some of the others, in order."""
    return [lines[0]] + [line for line in lines[1:] if t.chance(0.75)]


def machine(t, kind=None):
    kind = kind or t.pick(list(MACHINES))
    purpose, parts, need, adjectives = MACHINES[kind]
    first, second = t.two(adjectives.split())
    lines = [t.pick([f"{a(kind)} is a machine that {purpose}.", f"{a(kind)} {purpose}.", f"The {kind} is {a(first)} machine that {purpose}."]),
             t.pick([f"It has {parts}.", f"Inside it there are {parts}." if " and " in parts else f"It has {parts}."]),
             t.pick([f"To work well it needs {need}.", f"It needs {need}.", f"Without {need} it does not work."]),
             t.pick([f"A good {kind} is {first} and {second}.", f"This {kind} is {first}, but that one is {second}.", f"Our {kind} is {second}."]),
             t.pick([f"{a(t.pick(['engineer', 'mechanic', 'scientist']))} checks it every {t.pick(['week', 'month', 'year'])}.", "When it is broken, somebody has to repair it.",
                     f"The first {kind} was much {t.pick(['slower', 'larger', 'heavier'])} than today.", "Modern ones use less power than old ones."])]
    return sentence_case(" ".join(keep(t, lines)))


def computing(t):
    n = t.pick(NUMBERS)
    options = [
        f"This server has {n} graphics cards. Each card works on its own task. When one card is busy, the next task goes to another card. In this way no card has to wait for long.",
        "A graphics card has many small cores. Each core is simple, but together they are very fast. This is why a graphics card is good at large calculations.",
        f"A pool of machines is like a team. Every machine takes a share of the work. A fast machine takes more, and a slow machine takes less. Together they finish {n} times sooner.",
        "When a task arrives, it waits in the queue. The scheduler looks at every device and chooses the best one. Then the device does the work and sends the answer back.",
        "Memory keeps the data that a program needs now. The disk keeps the data that a program needs later. Memory is fast and small, and a disk is slow and large.",
        f"The model reads the text word by word. After each word it guesses the next one. A small model makes small mistakes, but it answers quickly. A large model needs {n} times more memory.",
        "The temperature of the device rises when it works hard. A fan moves cool air over the chip. When the device is too hot, it slows down to protect itself.",
        f"The program starts {n} workers. Each worker is a process of its own. If one worker stops, the others go on, and the lost work is done again.",
        "Training a model takes time. The model sees many examples and learns from its mistakes. After every step it becomes a little better.",
        "A network connects the machines. Every message has a sender and a receiver. When the network is slow, the machines have to wait for each other.",
    ]
    return t.pick(options)


def weather_today(t):
    kind = t.pick(list(WEATHER))
    now, _, feel, todo = WEATHER[kind]
    first, second = t.two(todo)
    lines = [t.pick([f"The weather today is {kind}, and {now}.", f"The weather today is {kind} and {feel}." if kind not in feel else f"The weather today is {feel}.", f"Today it is {kind}, and {now}."]),
             t.pick([f"The air is {feel}.", f"It is a good day to {first}.", f"It is a good time to {first} or to {second}."]),
             t.pick([f"In the {t.pick(['morning', 'afternoon', 'evening'])} it will be {t.pick(['warmer', 'colder', 'windy', 'cloudy', 'dry', 'quiet'])}.",
                     f"Tomorrow will be {t.pick(['warmer', 'colder', 'brighter', 'cooler', 'the same'])}.", f"People in the {t.pick(PLACES)} {t.pick(['stay inside', 'enjoy the day', 'walk slowly', 'look at the sky'])}."]),
             t.pick([f"On {t.pick(DAYS)} the weather will change.", f"This is normal in {t.pick(MONTHS)}.", f"Do not forget to {second}.", f"The temperature is about {t.pick(NUMBERS)} degrees."])]
    return " ".join(keep(t, lines))


def recipe(t, dish=None):
    dish = dish or t.pick(list(DISHES))
    parts, pot, time, side = DISHES[dish]
    lines = [t.pick([f"To make {dish}, you need {parts}.", f"For {dish} take {parts}.", f"This is how to make {dish}: take {parts}."]),
             t.pick(["First wash your hands.", "First prepare everything on the table.", f"First find {pot}.", "First cut or measure everything carefully."]),
             t.pick([f"Then put everything into {pot}.", f"Then mix everything in {pot}.", f"Use {pot} and a wooden spoon."]),
             t.pick([f"Wait for {time}.", f"It takes {time}.", f"After {time} it is ready."]),
             t.pick([f"Serve it with {side}.", f"It tastes best with {side}.", "Add a little salt and enjoy your meal.", f"It is enough for {t.pick(NUMBERS)} people."])]
    return " ".join(keep(t, lines))


def season(t):
    name = t.pick(SEASONS)
    facts = {"spring": ["the flowers open", "the birds return", "the days become longer", "farmers plant their seeds", "the snow melts"],
             "summer": ["the days are long and warm", "children swim in the lake", "the fruit becomes ripe", "people eat outside", "the nights are short"],
             "autumn": ["the leaves fall from the trees", "farmers bring in the harvest", "the wind becomes stronger", "squirrels hide nuts", "the evenings become cool"],
             "winter": ["snow covers the roofs", "the lake freezes", "bears sleep in their caves", "the nights are long", "people drink hot tea"]}[name]
    x, y = t.two(facts)
    return t.pick([f"In {name} {x}. {cap(y)}, and everyone can see the change. Many people say that {name} is the best time of the year.",
                   f"{cap(name)} has come. {cap(x)}, and {y}. In the {t.pick(PLACES)} there is always something to see.",
                   f"When {name} comes, {x}. A little later {y}."])


def job(t, name=None):
    name = name or t.pick(JOBS)
    hero = t.person()
    return sentence_case(" ".join(keep(t, [f"{a(name)} is a person who {JOB_WORK[name]}.", f"{hero.name} is {a(name)} and works in the {t.place()}.",
                                           f"Every day {hero.he} {JOB_WORK[name]}.", t.pick([f"{cap(hero.he)} likes {hero.his} work very much.", "It is hard work, but it is useful.",
                                           f"{cap(hero.he)} started {t.pick(NUMBERS)} years ago."])])))


def place(t):
    where, adjective = t.pick(PLACES), t.pick(PLACE_ADJ)
    x, y = t.thing(), t.thing()
    return " ".join(keep(t, [f"The {where} is {adjective} and {t.pick([w for w in PLACE_ADJ if w != adjective])}.", f"In the middle of the {where} there is {a(x)}.",
                             f"Beside it you can see {a(y)}.", f"In {t.pick(SEASONS)} many people visit the {where}.",
                             f"{t.person().name} goes there every {t.pick(DAYS)}.", "At night it is quiet, and only the wind can be heard."]))


def routine(t):
    hero = t.person()
    dish, drink = t.pick(FOODS), t.pick(DRINKS)
    time = t.pick(["six", "seven", "eight", "nine"])
    job_name = t.pick(JOBS)
    return " ".join(keep(t, [f"{hero.name} gets up at {time} o'clock.", f"{cap(hero.he)} eats {dish} and drinks {drink}.", f"Then {hero.he} goes to the {t.pick(PLACES)}.",
                             f"{hero.name} is {a(job_name)} and {JOB_WORK[job_name]}.", f"In the evening {hero.he} {t.pick(['reads a book', 'plays music', 'calls a friend', 'writes a letter', 'waters the flowers'])}.",
                             f"At the end of the day {hero.he} is {t.pick(['tired', 'happy', 'calm'])} and goes to bed."]))


def opinion(t):
    x, y = t.two(FOODS)
    hero = t.person()
    friend = t.other(hero)
    return t.pick([f"{hero.name} likes {x}, but {friend.name} likes {y}. They often eat together. Sometimes they cook both and share everything.",
                   f"I think that {t.pick(SEASONS)} is the best season, because I like to {t.pick(WEATHER[t.pick(list(WEATHER))][3])}. My {t.pick(FAMILY_F)} does not agree with me.",
                   f"{hero.name} has {a(t.thing(2))}. {cap(hero.he)} bought it in the {t.pick(PLACES)} {t.pick(NUMBERS)} years ago. {cap(hero.he)} would never sell it.",
                   f"My friend {hero.name} is {a(t.pick(JOBS))}. We met in the {t.pick(PLACES)} when we were young. Now we write letters every {t.pick(['week', 'month'])}.",
                   f"Reading is a good way to learn. A good book is like a friend. {hero.name} reads every evening, and {hero.he} knows many stories.",
                   f"Work is easier when people help each other. {hero.name} and {friend.name} know this well. One of them starts, and the other one finishes."])


FACTS = [animal, machine, computing, weather_today, recipe, season, job, place, routine, opinion]
