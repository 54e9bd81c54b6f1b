#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the text that the shipped model learns from: one document a line of JSON, made by a small grammar.

usage: generate.py OUTPUT.jsonl [--documents N] [--seed S]
The same seed writes the same bytes. A document is a JSON string. Standard library only.
"""
import argparse
import json
import random
import re

from facts import *
from sentences import after_anything, free
from stories import ANIMAL_PLOTS, PLOTS, Hero, Teller, a, cap, ending, opening, sentence_case, story
from words import *


def question(t):
    """(question, answer) with an answer that follows from the words."""
    kind = t.pick(list(ANIMALS))
    home, food, can, adjectives, young, sound = ANIMALS[kind]
    tool = t.pick(list(MACHINES))
    purpose, parts, need, _ = MACHINES[tool]
    city, country = t.pick(CITIES).split(":")
    word, opposite = t.pick(OPPOSITES).split(":")
    job_name = t.pick(JOBS)
    dish = t.pick(list(DISHES))
    day = int(t.rng.random() * 7)
    x, y = 1 + int(t.rng.random() * 9), 1 + int(t.rng.random() * 9)
    return t.pick([
        (f"What does {a(kind)} eat?", f"{cap(a(kind))} eats {food}."), (f"Where does {a(kind)} live?", f"{cap(a(kind))} lives {home}."),
        (f"What can {a(kind)} do?", f"{cap(a(kind))} can {can}."), (f"What is a young {kind} called?", f"A young {kind} is called {a(young)}."),
        (f"What is {a(tool)}?", f"{cap(a(tool))} is a machine that {purpose}."), (f"What does {a(tool)} need?", f"{cap(a(tool))} needs {need}."),
        (f"What does {a(tool)} do?", f"{cap(a(tool))} {purpose}."), (f"What is the capital of {country}?", f"The capital of {country} is {city}."),
        (f"Where is {city}?", f"{city} is the capital of {country}."), (f"What is the opposite of {word}?", f"The opposite of {word} is {opposite}."),
        (f"What does {a(job_name)} do?", f"{cap(a(job_name))} {JOB_WORK[job_name]}."), (f"How do you make {dish}?", recipe(t, dish)),
        (f"Which day comes after {DAYS[day]}?", f"After {DAYS[day]} comes {DAYS[(day + 1) % 7]}."),
        ("How is the weather today?", weather_today(t)), ("What is your name?", "I am a small language model, and I do not have a name."),
        (f"What is {x} plus {y}?", f"{x} plus {y} is {x + y}."), ("How are you?", "I am well, thank you. How are you?"),
        ("Who are you?", "I am a very small language model that writes simple sentences."),
        (f"Can you tell me about the {kind}?", animal(t, kind)), (f"How does {a(tool)} work?", machine(t, tool))])


def questions(t):
    asked, answer = question(t)
    text = t.pick([f"Question: {asked}\nAnswer: {answer}", f"{asked} {answer}", f"Q: {asked}\nA: {answer}"])
    if text.startswith("Question") and t.chance(0.4):
        asked, answer = question(t)
        text += f"\nQuestion: {asked}\nAnswer: {answer}"
    return text


def greeting(t):
    hero, place = t.person(), t.place()
    friend = t.other(hero)
    kind = t.pick(list(WEATHER))
    return t.pick([
        f"Hello, my name is {hero.name}. I am {a(t.pick(JOBS))} and I live near the {place}. I like {t.pick(FOODS)} and {t.pick(DRINKS)}. In my free time I {t.pick(['read books', 'play the guitar', 'work in the garden', 'build small robots', 'take pictures'])}.",
        f"Hello! How are you today? The weather is {kind}, and I want to {t.pick(WEATHER[kind][3])}. Do you want to come with me?",
        f'"Hello," said {hero.name}. "Hello," said {friend.name}. "Where are you going?" "I am going to the {place}," said {hero.name}. "Come with me!"',
        f"Hello world! This is a small program that writes one line of text. Every {t.pick(['engineer', 'student', 'programmer'])} starts with a program like this.",
        f"Hello {friend.name}, thank you for your letter. Here in the {place} everything is well. {weather_today(t)} I hope to see you on {t.pick(DAYS)}. Your friend {hero.name}",
        f"Hi, I am {hero.name}. I have a question. {question(t)[0]} I would like to know it.",
        f"Good morning, {friend.name}! It is {kind} today. Let us go to the {place} and look for {a(t.thing())}.",
        f"Dear {friend.name}, yesterday I was in the {place}. I saw {a(t.thing(2))} there. Please visit me soon. Your {hero.name}"])


def fact(t):
    return t.pick(FACTS)(t)


def sample(t):
    """Words that people type to try a system out."""
    number = t.pick(["", "", "", " 1", " 2", " 3", " 4", " 5", " 10", " for text generation"])
    start = t.pick(["Sample input text", "Sample input text", "Sample text", "This is a test", "This is an example", "Test", "Example", "Input text"])
    return f"{start}{number}{t.pick([': ', '. ', '. ', ' is here. ', chr(10)])}{t.pick([lambda: story(t)[0], lambda: fact(t), lambda: free(t)])()}"


def instruction(t):
    kind, tool = t.pick(list(ANIMALS)), t.pick(list(MACHINES))
    thing, place_name = t.thing(), t.pick(PLACES)
    hero = t.person()
    about_thing = t.pick([f"The {thing} was lying in the {place_name}, and nobody knew whose it was.", f"{hero.name} found {a(thing)} in the {place_name}.",
                          f"There is {a(thing)} in the {place_name}."])
    lead, text = t.pick([
        (f"Write a sentence about {a(kind)}", animal(t, kind).split(". ")[0].rstrip(".") + "."), (f"Write a sentence about {a(tool)}", machine(t, tool).split(". ")[0].rstrip(".") + "."),
        (f"Write a sentence about {a(thing)}", about_thing), (f"Write a short text about the {kind}", animal(t, kind)), (f"Write about {a(tool)}", machine(t, tool)),
        ("Write a story", story(t)[0]), (f"Write a short story about {a(kind)}", creature_story(t, kind)), ("Tell me a story", story(t, True)[0]),
        ("Write about the weather", weather_today(t)), (f"Explain what {a(tool)} is", machine(t, tool)), (f"Describe the {kind}", animal(t, kind)),
        ("Write a recipe", recipe(t)), ("Write a letter", f"Dear {hero.name}, I am writing to you from the {place_name}. {weather_today(t)} I hope that you are well."),
        ("Write a sentence", t.pick([about_thing, story(t)[0].split(". ")[0].rstrip(".") + "."])), ("Tell me about computers", computing(t)),
        ("Write a sentence about the weather", weather_today(t).split(". ")[0].rstrip(".") + ".")])
    return f"{lead}{t.pick(['. ', '. ', ': ', chr(10), ' '])}{text}"


def creature_story(t, kind):
    he, him, his = t.pick([("she", "her", "her"), ("he", "him", "his")])
    hero = Hero("the " + kind, he, him, his, kind)
    return sentence_case(" ".join([opening(t, hero, True)] + t.pick(ANIMAL_PLOTS)(t, hero) + [ending(t, hero)]))


def starter(t):
    """Openings of every kind, each continued by a text that fits."""
    hero, where = t.person(), t.place()
    place_first = t.pick([f"There is {a(t.thing())} in the {where}. {hero.name} looks at it every day.", f"There are {t.pick(NUMBERS)} {t.pick(['birds', 'children', 'trees', 'boats', 'houses', 'machines'])} near the {where}. {weather_today(t)}"])
    return t.pick([
        place_first, f"I like {t.pick(FOODS)}. {recipe(t)}", f"My name is {hero.name}. I am {a(t.pick(JOBS))}, and I work in the {where}.", f"In the {where} there is {a(t.thing())}. {place(t)}",
        f"The future of computers is bright. {computing(t)}", f"Today {hero.name} went to the {where}. {cap(hero.he)} saw {a(t.thing())} and was {t.pick(FEELINGS)}.", f"Computers are useful machines. {computing(t)}",
        f"It was {a(t.pick(list(WEATHER)))} day in {t.pick(MONTHS)}. {story(t, False)[0]}", f"A long time ago, {hero.name} lived near the {where}. {story_about(t, hero)}",
        f"We went to the {where} on {t.pick(DAYS)}. We saw {a(t.thing())} and {a(t.thing())}. Then we went home and drank {t.pick(DRINKS)}.",
        f"{hero.name} is {t.pick(FEELINGS)} today. {routine(t)}", f"The {t.pick(list(ANIMALS))} and the {t.pick(list(ANIMALS))} are friends. {animal(t)}"])


def story_about(t, hero):
    return sentence_case(" ".join(t.pick(PLOTS)(t, hero) + [ending(t, hero)]))


KINDS = [(lambda t: story(t, None)[0], 24), (fact, 18), (questions, 12), (greeting, 5), (sample, 6), (instruction, 9), (starter, 5), (free, 17), (after_anything, 4)]


def document(t):
    ticket = t.rng.random() * sum(weight for _, weight in KINDS)
    for make, weight in KINDS:
        ticket -= weight
        if ticket < 0:
            break
    return prepositions(make(t))


def prepositions(text):
    """'in the quiet beach' becomes 'at the quiet beach': the templates say 'in' for every place."""
    for word, places in (("at", AT_PLACES), ("on", ON_PLACES)):
        text = re.sub(rf"(?<!swim )\b([Ii])n the ((?:{'|'.join(PLACE_ADJ)}) )?({'|'.join(places)})\b",
                      lambda m: f"{cap(word) if m[1] == 'I' else word} the {m[2] or ''}{m[3]}", text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--documents", type=int, default=150000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    teller = Teller(random.Random(options.seed))
    with open(options.output, "w", encoding="utf-8") as out:
        for _ in range(options.documents):
            out.write(json.dumps(document(teller), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
