# SPDX-License-Identifier: Apache-2.0
"""The words of the corpus: nouns with what they are like, where they are and what they do; names, places, opposites."""

GIRLS = """Mia Anna Lena Clara Ella Nora Ruby Alice Emma Zara Lily Rosa Maya Ivy Hannah Leyla Elif Sara Julia Ada Grace Nina Olive Tara
Wendy Yara Freya Gina Holly Iris""".split()
BOYS = """Tom Ben Sam Leo Max Finn Oscar Jack Noah Adam Hugo Omar Emre Karl Peter David Lucas Felix Ali Can Theo Victor Milo Ravi
Simon Edgar Henry Ivan Jonas Paul""".split()
FAMILY_F = ["mother", "grandmother", "sister", "aunt", "teacher", "neighbor"]
FAMILY_M = ["father", "grandfather", "brother", "uncle", "teacher", "neighbor"]

# animal: (where it lives, what it eats, what it can do, adjectives, young, sound)
ANIMALS = {
    "cat": ("in a house", "fish", "see well in the dark", "quiet soft clever lazy", "kitten", "purrs"),
    "dog": ("with people", "meat", "learn many tricks", "loyal friendly brave noisy", "puppy", "barks"),
    "horse": ("on a farm", "grass", "run very fast", "strong gentle proud tall", "foal", "neighs"),
    "cow": ("in a field", "grass", "give milk every day", "calm heavy slow kind", "calf", "moos"),
    "sheep": ("in the hills", "grass", "grow thick wool", "white calm shy woolly", "lamb", "bleats"),
    "duck": ("near a pond", "small plants", "swim and fly", "happy noisy yellow funny", "duckling", "quacks"),
    "owl": ("in an old tree", "mice", "turn its head very far", "wise silent grey old", "chick", "hoots"),
    "fox": ("in the forest", "mice and berries", "hear very small sounds", "clever quick red hungry", "cub", "yelps"),
    "bear": ("in the mountains", "honey and fish", "sleep all winter", "big brown strong sleepy", "cub", "growls"),
    "rabbit": ("under the ground", "carrots", "jump over a fence", "small quick shy soft", "kit", "squeaks"),
    "mouse": ("in a small hole", "seeds and cheese", "hide almost anywhere", "tiny quick grey clever", "pup", "squeaks"),
    "frog": ("beside the lake", "flies", "jump far", "green wet loud cheerful", "tadpole", "croaks"),
    "bee": ("in a hive", "nectar", "make sweet honey", "busy small golden careful", "larva", "buzzes"),
    "whale": ("in the ocean", "very small animals", "dive very deep", "huge gentle grey old", "calf", "sings"),
    "elephant": ("on the wide plain", "leaves and fruit", "remember a place for years", "huge wise grey gentle", "calf", "trumpets"),
    "lion": ("on the dry plain", "meat", "roar very loudly", "proud strong golden brave", "cub", "roars"),
    "penguin": ("on the cold coast", "fish", "swim under the ice", "funny black small patient", "chick", "calls"),
    "turtle": ("near the warm sea", "plants", "live for a hundred years", "slow old patient green", "hatchling", "hisses"),
    "squirrel": ("in the park", "nuts", "climb any tree", "quick red busy small", "kit", "chatters"),
    "parrot": ("in the warm forest", "fruit and seeds", "repeat human words", "bright loud clever green", "chick", "talks"),
    "goat": ("on the rocky hill", "almost anything", "climb steep rocks", "stubborn curious white hungry", "kid", "bleats"),
    "wolf": ("in the dark forest", "meat", "run for many hours", "grey wild careful strong", "pup", "howls"),
    "crow": ("on the tall roof", "seeds and insects", "solve small puzzles", "black clever loud curious", "chick", "caws"),
    "hedgehog": ("in the garden", "insects", "roll into a ball", "shy small careful round", "hoglet", "snuffles"),
}

# machine: (purpose, parts, needs, adjectives)
MACHINES = {
    "computer": ("stores and processes data", "a processor and memory", "electricity", "fast new quiet powerful"),
    "robot": ("moves and carries things", "two arms and a camera", "a full battery", "small friendly careful tireless"),
    "server": ("answers requests from many people", "several disks and a fast network card", "clean power", "busy reliable large quiet"),
    "graphics card": ("does many calculations at the same time", "thousands of small cores", "good cooling", "fast hot powerful modern"),
    "clock": ("shows the time", "two hands and many small wheels", "a little oil", "old round loud exact"),
    "washing machine": ("washes the clothes", "a drum and a pump", "water and soap", "white heavy loud useful"),
    "tractor": ("pulls heavy loads across the field", "four wheels and an engine", "fuel", "red strong slow dirty"),
    "train": ("carries people between cities", "many wagons and a locomotive", "rails", "long fast blue comfortable"),
    "bicycle": ("brings people to work", "two wheels and a chain", "strong legs", "light green simple cheap"),
    "airplane": ("flies high above the clouds", "two wings and four engines", "a long runway", "white fast large modern"),
    "ship": ("crosses the ocean", "a deep hull and a tall mast", "a good captain", "large old slow sturdy"),
    "camera": ("takes pictures", "a lens and a sensor", "enough light", "small black old sharp"),
    "telescope": ("shows distant stars", "a long tube and a mirror", "a clear sky", "long precise expensive old"),
    "radio": ("plays music and news", "a speaker and an antenna", "a signal", "small old red cheerful"),
    "lamp": ("gives light in the evening", "a bulb and a switch", "electricity", "bright warm small yellow"),
    "oven": ("bakes bread and cakes", "a door and a heater", "time to get hot", "hot large clean old"),
    "refrigerator": ("keeps food cold", "a pump and a thick door", "electricity", "cold white quiet tall"),
    "printer": ("puts words on paper", "rollers and a tray", "ink and paper", "slow grey useful noisy"),
    "elevator": ("lifts people to the top floor", "a cabin and strong cables", "regular care", "narrow silent fast old"),
    "windmill": ("turns wind into power", "long blades and a tower", "a steady wind", "tall white slow lonely"),
    "pump": ("moves water up the hill", "a motor and a pipe", "regular care", "strong loud simple old"),
    "engine": ("turns fuel into motion", "pistons and valves", "oil", "loud hot strong heavy"),
    "phone": ("lets people talk over long distances", "a screen and a microphone", "a charged battery", "thin new clever small"),
    "satellite": ("looks at the earth from space", "solar panels and an antenna", "sunlight", "distant silent precise small"),
    "crane": ("lifts heavy stones", "a long arm and a strong hook", "a careful driver", "tall yellow strong slow"),
}

PLACES = """park garden forest village market library school station harbor river lake beach mountain bridge museum kitchen
workshop farm city castle field bakery theater office hospital garage island tower valley square""".split()
AT_PLACES = "station harbor river lake beach bridge market".split()
ON_PLACES = "mountain island farm square".split()
PLACE_ADJ = "old quiet small large beautiful busy sunny empty famous peaceful bright distant green little wonderful".split()
THINGS = """book key lamp basket letter map box ball kite blanket hat coat ring coin drum bell cup plate spoon chair table ladder
rope bucket brush pencil picture photograph suitcase umbrella lantern mirror toy puzzle flower shell stone feather guitar
violin bottle candle clock bicycle boat telescope apple cake pie pumpkin sandwich present""".split()
THING_ADJ = """small old new red blue green golden heavy light broken shiny wooden beautiful strange useful large round warm soft
bright simple lovely tiny silver yellow""".split()
FOODS = """bread soup rice fish salad cheese cake pasta stew porridge fruit honey chicken potatoes tomatoes pancakes noodles
beans eggs vegetables""".split()
DRINKS = "water tea milk coffee juice lemonade".split()
DISHES = {
    "vegetable soup": ("carrots, onions and potatoes", "a large pot", "twenty minutes", "bread"),
    "tomato pasta": ("tomatoes, garlic and pasta", "a deep pan", "fifteen minutes", "cheese"),
    "apple pie": ("apples, flour and butter", "a round tin", "forty minutes", "cream"),
    "pancakes": ("milk, eggs and flour", "a flat pan", "ten minutes", "honey"),
    "lentil stew": ("lentils, onions and carrots", "a heavy pot", "thirty minutes", "rice"),
    "fish soup": ("fish, potatoes and herbs", "a large pot", "half an hour", "lemon"),
    "rice pudding": ("rice, milk and sugar", "a small pot", "half an hour", "cinnamon"),
    "a green salad": ("lettuce, cucumber and olives", "a wide bowl", "five minutes", "bread"),
    "fresh bread": ("flour, water, salt and yeast", "a large bowl", "forty minutes", "butter"),
    "chocolate cake": ("chocolate, eggs and sugar", "a round tin", "fifty minutes", "cream"),
    "an omelet": ("eggs, cheese and herbs", "a small pan", "five minutes", "toast"),
    "bean stew": ("beans, tomatoes and peppers", "a heavy pot", "one hour", "rice"),
}
JOBS = """teacher doctor farmer baker engineer painter sailor gardener driver scientist writer musician carpenter nurse
fisherman pilot librarian mechanic cook shepherd""".split()
JOB_WORK = {
    "teacher": "helps children learn", "doctor": "cares for sick people", "farmer": "grows food for the town",
    "baker": "bakes fresh bread every morning", "engineer": "designs and tests machines", "painter": "paints pictures of the sea",
    "sailor": "crosses the ocean on a ship", "gardener": "takes care of the flowers", "driver": "drives the bus through the city",
    "scientist": "asks questions and makes experiments", "writer": "writes stories for children", "musician": "plays the violin in the evening",
    "carpenter": "builds tables and chairs", "nurse": "looks after people in the hospital", "fisherman": "catches fish before sunrise",
    "pilot": "flies airplanes across the world", "librarian": "finds the right book for everyone", "mechanic": "repairs cars and bicycles",
    "cook": "prepares warm meals", "shepherd": "watches the sheep in the hills",
}
FEELINGS = "happy sad tired proud nervous curious excited calm hungry afraid surprised thankful lonely cheerful".split()
WEATHER = {
    "sunny": ("the sun is shining", "the sun shone", "warm", ["go for a walk", "have a picnic", "work in the garden", "wear a hat"]),
    "rainy": ("it is raining", "it rained", "cool", ["take an umbrella", "stay inside", "read a book", "wear boots"]),
    "windy": ("a strong wind is blowing", "a strong wind blew", "fresh", ["fly a kite", "close the windows", "hold on to your hat"]),
    "cloudy": ("grey clouds cover the sky", "grey clouds covered the sky", "mild", ["take a jacket", "visit a museum", "go for a short walk"]),
    "snowy": ("snow is falling", "snow fell", "very cold", ["build a snowman", "wear warm gloves", "drink hot tea"]),
    "foggy": ("thick fog lies over the fields", "thick fog lay over the fields", "damp", ["drive slowly", "turn on the lights", "wait until noon"]),
    "stormy": ("thunder can be heard in the distance", "thunder could be heard in the distance", "wild", ["stay at home", "keep away from tall trees", "light a candle"]),
    "hot": ("the air is dry and still", "the air was dry and still", "very hot", ["drink a lot of water", "rest in the shade", "swim in the lake"]),
    "cold": ("there is ice on the windows", "there was ice on the windows", "freezing", ["wear a thick coat", "light a fire", "drink hot soup"]),
}
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SEASONS = ["spring", "summer", "autumn", "winter"]
MONTHS = "January February March April May June July August September October November December".split()
NUMBERS = "two three four five six seven eight nine ten".split()
COLORS = "red blue green yellow white black brown orange purple grey".split()
CITIES = """Paris:France Rome:Italy Madrid:Spain Berlin:Germany Ankara:Turkey Tokyo:Japan Cairo:Egypt London:England Athens:Greece
Oslo:Norway Vienna:Austria Lisbon:Portugal Ottawa:Canada Dublin:Ireland Warsaw:Poland Helsinki:Finland""".split()
OPPOSITES = """hot:cold big:small old:new fast:slow light:heavy happy:sad open:closed full:empty dry:wet early:late high:low
strong:weak loud:quiet clean:dirty long:short dark:bright near:far rich:poor soft:hard""".split()
