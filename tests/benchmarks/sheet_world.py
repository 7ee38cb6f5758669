"""The sheets of docs/benchmark.md: python tests/benchmarks/sheet_world.py docs/images.

One test scene of each template; then one of each weather, hour and surface.
"""

import sys
from itertools import count
from pathlib import Path

from drivegrid.data.images import save_image
from drivegrid.plotting.sheet import contact_sheet
from drivegrid.scenes.render import default_renderer, render_world
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.scenes.templates import TEMPLATES
from drivegrid.scenes.weather import SURFACES, TIMES, WEATHERS
from drivegrid.scenes.world import sample_world

SIZE_WH = (400, 225)
OPEN_AIR = [name for name, template in TEMPLATES.items() if template.place != "tunnel"]


def first(after, **wanted):
    """Return the first world from a seed on whose facts are as wanted."""
    for seed in count(after):
        world = sample_world(seed)
        fits = all(getattr(world, name) == value for name, value in wanted.items())
        if fits and world.template in (wanted.get("template"), *OPEN_AIR):
            return world
    raise AssertionError("count() does not end")


def sheet(worlds, captions, columns):
    """Return the pictures of worlds on one sheet."""
    renderer = default_renderer()
    pictures = [render_world(world, SIZE_WH, renderer).image for world in worlds]
    named = [f"{text} ({world.seed})" for text, world in zip(captions, worlds, strict=True)]
    return contact_sheet(pictures, named, columns)


def main():
    folder, start = Path(sys.argv[1]), TEST_SEEDS.start
    worlds = [first(start, template=name, time="day") for name in TEMPLATES]
    save_image(folder / "templates.webp", sheet(worlds, TEMPLATES, 4))
    facets = [{"weather": w, "time": "day"} for w in WEATHERS]
    facets += [{"time": t, "weather": "clear"} for t in TIMES if t != "day"]
    facets += [{"time": "night", "weather": "rain"}]
    facets += [{"surface": s, "time": "day", "weather": "cloudy"} for s in SURFACES]
    worlds = [first(start + 300, **facet) for facet in facets]
    captions = [", ".join(facet.values()) for facet in facets]
    save_image(folder / "conditions.webp", sheet(worlds, captions, 4))


if __name__ == "__main__":
    main()
