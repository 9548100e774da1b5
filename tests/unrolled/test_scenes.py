"""Scenes: what is said of them is true, by a second reading of every sentence."""

import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from unrolled import plot
from unrolled.data import scenes, words

EVERYTHING = scenes.make(300, 3, "hard", captions=6)
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven"]
COLOURS = ["red", "green", "blue", "yellow", "purple", "cyan"]
PLURALS = {
    "shapes": "shape",
    "squares": "square",
    "circles": "circle",
    "triangles": "triangle",
    "diamonds": "diamond",
    "rings": "ring",
    "crosses": "cross",
}
SHAPES = ["square", "circle", "triangle", "diamond", "ring", "cross"]


def things(batch, i):
    """The objects of one scene as plain dicts."""
    found = []
    for colour, shape, size, cell in zip(*(a[i].tolist() for a in batch.objects)):
        if cell >= 0:
            found.append(
                {
                    "colour": COLOURS[colour],
                    "shape": SHAPES[shape],
                    "size": ("small", "large")[size],
                    "cell": cell,
                    "row": cell // batch.settings.grid,
                    "col": cell % batch.settings.grid,
                }
            )
    return found


def related(a, relation, b):
    return {
        "left of": a["col"] < b["col"],
        "right of": a["col"] > b["col"],
        "above": a["row"] < b["row"],
        "below": a["row"] > b["row"],
    }[relation]


def fits(thing, phrase):
    """Whether an object is what "small red square", "red shapes", "a circle" ... says."""
    noun = phrase.split()[-1]
    noun = PLURALS.get(noun, noun)
    if noun not in ("shape", thing["shape"]):
        return False
    said = [w for w in phrase.split()[:-1] if w != "a"]
    return set(said) <= {thing["colour"], thing["size"]}


def readings(caption):
    """The phrases of a caption, and the relations between them."""
    parts = re.split(r" (left of|right of|above|below|and) ", caption)
    return parts[::2], parts[1::2]


def true_of(caption, place, found):
    """Whether a caption is true, with the objects at these places."""
    first = caption.split()[0]
    if first in NUMBERS:
        phrase = caption.split(" ", 1)[1]
        fitting = [t for t in found if fits(t, phrase)]
        singular = phrase.split()[-1] in ["shape", *SHAPES]
        meant = [fitting[0]["cell"]] * len(phrase.split()) if len(fitting) == 1 else None
        return (
            len(fitting) == NUMBERS.index(first) > 0
            and singular == (len(fitting) == 1)
            and place == [-1] + (meant or [-1] * len(phrase.split()))
        )
    if first != "a":  # names
        phrases = re.findall(r"(?:small |large )?\w+ \w+", caption)
        relations = ["and"] * (len(phrases) - 1)
    else:
        phrases, relations = readings(caption)
    at = {t["cell"]: t for t in found}
    meant, k = [], 0
    for n, phrase in enumerate(phrases):
        if n and first == "a":
            skip = len(relations[n - 1].split())
            if place[k : k + skip] != [-1] * skip:
                return False
            k += skip
        expected = [-1] * phrase.startswith("a ")
        cells = set(place[k + len(expected) : k + len(phrase.split())])
        if place[k : k + len(expected)] != expected or len(cells) != 1 or not cells <= set(at):
            return False
        meant.append(at[cells.pop()])
        k += len(phrase.split())
    return (
        k == len(place)
        and all(fits(t, p) for t, p in zip(meant, phrases))
        and len({t["cell"] for t in meant}) == len(meant)
        and all(
            r == "and" or related(a, r, b)
            for (a, b), r in zip(itertools.pairwise(meant), relations)
        )
        and (set(relations) - {"and"} or len(meant) == len(found))
    )


def test_every_caption_is_true_and_every_place_is_meant():
    kinds = set()
    for i in range(len(EVERYTHING)):
        found = things(EVERYTHING, i)
        assert len(set(EVERYTHING.captions[i])) == len(EVERYTHING.captions[i]) >= 1
        for caption, place in zip(EVERYTHING.captions[i], EVERYTHING.places[i]):
            assert len(caption.split()) == len(place)
            assert true_of(caption, place, found), (caption, place, found)
            kinds.add((caption.split()[0] in NUMBERS, caption.startswith("a "), " and " in caption))
    assert len(kinds) == 4


def test_the_checker_sees_a_caption_that_is_not_true():
    batch = scenes.make(1, 0, objects=3, kinds=("relation",), depth=1)
    found, caption = things(batch, 0), batch.captions[0][0]
    place = batch.places[0][0]
    assert true_of(caption, place, found)
    relation = next(r for r in scenes.RELATIONS if r in caption)
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    assert not true_of(caption.replace(relation, opposite[relation]), place, found)
    assert not true_of(caption, place[::-1], found)


def test_raster_names_are_one_caption_in_the_order_of_the_cells():
    batch = scenes.make(50, 1, objects=(1, 4), captions=3)
    for i in range(50):
        expected = " ".join(f"{t['colour']} {t['shape']}" for t in things(batch, i))
        assert batch.captions[i] == [expected]
        assert batch.places[i][0] == sorted(batch.places[i][0])


def test_random_order_gives_several_captions_of_the_same_words():
    batch = scenes.make(50, 1, objects=4, captions=5, order="random", distinct=True)
    for captions in batch.captions:
        assert len({" ".join(sorted(c.split())) for c in captions}) == 1
    assert np.mean([len(c) for c in batch.captions]) > 4


@pytest.mark.parametrize(("sizes", "share"), [("same", 0), ("named", 1), ("sometimes", 0.5)])
def test_sizes_are_named_as_often_as_said(sizes, share):
    batch = scenes.make(100, 2, objects=3, sizes=sizes, kinds=("list",))
    said = sum(w in ("small", "large") for c in batch.captions for w in c[0].split())
    assert said / 300 == pytest.approx(share, abs=0.1)
    assert set(np.unique(batch.objects.size)) == ({1} if sizes == "same" else {0, 1})


def test_the_pixels_at_a_place_have_the_colour_that_the_word_says():
    batch = scenes.make(60, 4, "hard", kinds=("list",), cell=12, noise=0.05)
    p, checked = batch.settings.cell, 0
    for i in range(len(batch)):
        for word, place in zip(batch.captions[i][0].split(), batch.places[i][0]):
            if word in scenes.COLOURS:
                row, col = divmod(place, batch.settings.grid)
                tile = batch.images[i][:, row * p : (row + 1) * p, col * p : (col + 1) * p]
                pixels = tile.reshape(3, -1).T
                # The most coloured eighth of the cell; its hue does not depend on brightness.
                strong = np.argsort(np.ptp(pixels, axis=1))[-p * p // 8 :]
                mean = pixels[strong].mean(axis=0)
                likeness = scenes.RGB @ mean / np.linalg.norm(scenes.RGB, axis=1)
                assert scenes.COLOURS[likeness.argmax()] == word
                checked += 1
    assert checked > 150


def test_images_show_shapes_sizes_and_marks():
    quiet = {"noise": 0.0, "texture": 0.0}
    batch = scenes.make(40, 5, "hard", cell=16, **quiet)
    ground = np.median(batch.images.reshape(40, 3, -1), axis=2)[:, :, None, None]
    covered = (abs(batch.images - ground).max(axis=1) > 0.25).reshape(40, 5, 16, 5, 16)
    filled = covered.sum(axis=(2, 4)).reshape(40, 25)
    for i in range(40):
        cells = set(batch.objects.cell[i]) - {-1} | set(batch.marks[i])
        assert set(np.nonzero(filled[i])[0]) == cells
        assert not set(batch.objects.cell[i]) & set(batch.marks[i])
    areas = {
        (shape, size): np.mean(
            [
                filled[i, cell]
                for i in range(40)
                for s, z, cell in zip(*(a[i] for a in batch.objects[1:]))
                if (s, z) == (shape, size)
            ]
        )
        for shape in range(6)
        for size in range(2)
    }
    assert all(areas[s, 1] > 1.5 * areas[s, 0] for s in range(6))
    assert areas[1, 1] > areas[3, 1] > areas[5, 1]  # circle, diamond, cross


def test_same_seed_same_scenes_and_images_do_not_depend_on_when_they_are_drawn():
    first, second = (scenes.make(700, 9, "hard") for _ in range(2))
    assert first.captions == second.captions
    assert first.places == second.places
    second.vocabulary  # noqa: B018
    scenes.ask(second, 1)
    assert np.array_equal(first.images, second.images)
    assert all(np.array_equal(a, b) for a, b in zip(first.objects, second.objects))
    assert scenes.make(5, 10, "hard").captions != first.captions[:5]
    assert first.images.dtype == np.float32
    assert first.images.shape == (700, 3, 40, 40)
    assert 0 <= first.images.min() < first.images.max() <= 1
    rng = np.random.default_rng(9)
    assert scenes.make(700, rng, "hard").captions == first.captions
    assert scenes.make(700, rng, "hard").captions != first.captions


def test_objects_and_marks_never_share_a_cell_even_when_the_grid_is_full():
    batch = scenes.make(50, 0, grid=3, objects=(2, 6), distractors=3, distinct=True)
    assert set(batch.objects.number) == {2, 3, 4, 5, 6}
    for i in range(50):
        cells = [c for c in batch.objects.cell[i] if c >= 0] + batch.marks[i].tolist()
        assert len(set(cells)) == len(cells) == batch.objects.number[i] + 3
        kinds = [(t["colour"], t["shape"]) for t in things(batch, i)]
        assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objects": 12, "distractors": 5}, "do not fit into 4 x 4 = 16 cells"),
        ({"objects": 10, "grid": 3}, "do not fit"),
        ({"objects": 13, "grid": 5}, "counts to 12"),
        ({"objects": 0}, "objects must be"),
        ({"objects": (3, 2)}, "objects must be"),
        ({"distractors": -1}, "distractors"),
        ({"colours": 7}, "colours must lie in 1..6"),
        ({"shapes": 0}, "shapes must lie in 1..6"),
        ({"distinct": True, "colours": 1, "shapes": 2}, "distinct objects need more than"),
        ({"sizes": "big"}, "sizes: 'big' is not one of"),
        ({"order": "up"}, "order"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": ("poem",)}, "'poem' is not one of names"),
        ({"captions": 0}, "captions"),
        ({"kinds": ("relation",), "depth": 3}, "needs 4 objects"),
        ({"noise": -0.1}, "noise"),
        ({"texture": 0.7}, "texture"),
        ({"cell": 3}, "cell"),
        ({"settings": "very hard"}, "not one of easy"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        scenes.make(3, 0, **changes)


def test_unknown_settings_and_negative_numbers_are_refused():
    with pytest.raises(TypeError, match="objekts"):
        scenes.make(3, 0, objekts=2)
    with pytest.raises(ValueError, match="-1"):
        scenes.make(-1, 0)
    assert len(scenes.make(0, 0)) == 0
    assert scenes.make(0, 0).images.shape == (0, 3, 32, 32)


def test_encoded_captions_align_places_with_what_is_predicted():
    table = scenes.encoded(EVERYTHING, every=True)
    vocab = EVERYTHING.vocabulary
    assert list(vocab)[:4] == list(words.SPECIAL)
    assert list(vocab.values()) == list(range(len(vocab)))
    flat = [(i, c, p) for i in range(300) for c, p in
            zip(EVERYTHING.captions[i], EVERYTHING.places[i])]  # fmt: skip
    assert table.ids.shape == (len(flat), table.places.shape[1] + 1)
    for row, place, scene, (i, caption, meant) in zip(*table, flat):
        assert scene == i
        assert row[0] == vocab["<start>"]
        assert vocab["<unk>"] not in row
        assert words.to_text(row, vocab) == caption
        said = [list(vocab)[k] for k in row[1:]]
        assert said[: len(meant) + 1] == [*caption.split(), "<end>"]
        assert place.tolist() == meant + [-1] * (len(place) - len(meant))
    first = scenes.encoded(EVERYTHING)
    assert len(first.ids) == 300
    assert words.to_text(first.ids[7], vocab) == EVERYTHING.captions[7][0]


@pytest.mark.parametrize("level", scenes.LEVELS)
def test_the_vocabulary_has_every_word_and_only_words_that_occur(level):
    batch = scenes.make(3000, 0, level)
    said = {w for captions in batch.captions for c in captions for w in c.split()}
    assert said <= set(batch.vocabulary)
    assert len(set(batch.vocabulary) - said - set(words.SPECIAL)) <= 1  # "five" of one kind: rare


def test_features_are_codes_through_a_fixed_matrix():
    batch = scenes.make(400, 6, "hard")
    quiet = scenes.features(batch, dim=40, image_dim=30, noise=0)
    code = scenes.codes(batch)
    assert quiet.grid.shape == (400, 25, 40)
    assert quiet.image.shape == (400, 30)
    where = np.zeros((25, 10))
    for cell in range(25):
        where[cell, [cell // 5, 5 + cell % 5]] = 1
    known = np.concatenate([code, np.broadcast_to(where, (400, 25, 10))], axis=2).reshape(-1, 26)
    fitted = known @ np.linalg.lstsq(known, quiet.grid.reshape(-1, 40), rcond=None)[0]
    np.testing.assert_allclose(fitted, quiet.grid.reshape(-1, 40), atol=1e-4)
    flat = code.reshape(400, -1)
    fitted = flat @ np.linalg.lstsq(flat, quiet.image, rcond=None)[0]
    np.testing.assert_allclose(fitted, quiet.image, atol=1e-3)
    for i in range(20):
        for t in things(batch, i):
            on = np.nonzero(code[i, t["cell"]])[0].tolist()
            assert on == [
                scenes.COLOURS.index(t["colour"]),
                7 + scenes.SHAPES.index(t["shape"]),
                14 + scenes.SIZES.index(t["size"]),
            ]
        for mark in batch.marks[i]:
            assert np.nonzero(code[i, mark])[0].tolist() == [6, 13]
        assert (code[i].sum(axis=1) > 0).sum() == batch.objects.number[i] + 4


def test_features_differ_between_batches_in_their_noise_alone():
    one, two = (scenes.features(EVERYTHING, seed=s) for s in (0, 1))
    same = scenes.features(EVERYTHING, seed=0)
    quiet = scenes.features(EVERYTHING, noise=0)
    assert np.array_equal(one.grid, same.grid)
    assert np.array_equal(one.image, same.image)
    for a, b, c in zip(one, two, quiet):
        assert (a - c).std() == pytest.approx(0.3, rel=0.03)
        assert abs(np.corrcoef((a - c).ravel(), (b - c).ravel())[0, 1]) < 0.02
    standard = scenes.make(500, 0)
    grid, image = scenes.features(standard, noise=0)
    cell = standard.objects.cell
    assert grid[np.arange(500)[:, None], cell].std() == pytest.approx(1.1, abs=0.15)
    assert image.std() == pytest.approx(1.5, abs=0.15)


@pytest.mark.parametrize("changes", [{"dim": 0}, {"image_dim": 0}, {"noise": -1}])
def test_impossible_features_are_refused(changes):
    with pytest.raises(ValueError, match="must"):
        scenes.features(EVERYTHING, **changes)


# Questions: every one is read again and answered by trying all objects.


def meant_by(phrase, found):
    """All objects that "the shape left of the red square" may mean, and those on the way there."""
    match = re.fullmatch(r"the (\w+ ?\w*?)(?: (left of|right of|above|below) (the .*))?", phrase)
    noun, relation, rest = match.groups()
    if rest is None:
        return [t for t in found if fits(t, noun)], []
    anchors, way = meant_by(rest, found)
    assert len(anchors) == 1, phrase
    return [t for t in found if fits(t, noun) and related(t, relation, anchors[0])], anchors + way


def the_one(phrase, found):
    """The only object that a phrase means; it must be none of those on the way."""
    (thing,), way = meant_by(phrase, found)
    cells = [t["cell"] for t in (thing, *way)]
    assert len(set(cells)) == len(cells), phrase
    return thing


def answer(text, found):
    """The answer and, for colour and shape, the object; all by trying."""
    if match := re.fullmatch(r"how many (.*) are there \?", text):
        return NUMBERS[sum(fits(t, match[1]) for t in found)], -1
    if match := re.fullmatch(r"is there (a .*) \?", text):
        return "yes" if any(fits(t, match[1]) for t in found) else "no", -1
    if match := re.fullmatch(r"what colour is (the .*) \?", text):
        thing = the_one(match[1], found)
        return thing["colour"], thing["cell"]
    if match := re.fullmatch(r"what shape is ((?:left of|right of|above|below) .*) \?", text):
        thing = the_one(f"the shape {match[1]}", found)
        return thing["shape"], thing["cell"]
    match = re.fullmatch(r"what shape is (\w+) \?", text)
    (thing,) = [t for t in found if t["colour"] == match[1]]
    return thing["shape"], thing["cell"]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("level", scenes.LEVELS)
def test_answers_agree_with_trying_all_objects(level, depth):
    batch = scenes.make(250, 11, level)
    asked = scenes.ask(batch, 1, depth=depth, per_scene=2)
    assert len(asked.text) == 500
    assert np.array_equal(asked.scene, np.repeat(np.arange(250), 2))
    for i, text, said, kind, place in zip(*asked):
        assert answer(text, things(batch, i)) == (said, place), text
        assert text.split()[1] == kind or kind in ("count", "exists")
        assert set(text.split()) <= set(asked.vocabulary)
        assert said in scenes.ANSWERS
        relations = len(re.findall("left of|right of|above|below", text))
        assert relations == (depth if kind in ("colour", "shape") else 0)


def test_questions_are_as_varied_as_said():
    batch = scenes.make(1500, 12, "hard")
    asked = scenes.ask(batch, 3)
    kinds = np.array(asked.kinds)
    assert min((kinds == k).mean() for k in scenes.QUESTION_KINDS) > 0.15
    yes = np.array(asked.answers)[kinds == "exists"] == "yes"
    assert yes.mean() == pytest.approx(0.5, abs=0.08)
    counts = np.array(asked.answers)[kinds == "count"]
    assert {"zero", "one", "two", "three"} <= set(counts)
    assert scenes.ask(batch, 3).text == asked.text
    assert scenes.ask(batch, 4).text != asked.text
    ways = {t.split()[4] for t in asked.text if t.startswith("what colour is the shape")}
    assert ways <= {"shape"}
    relations = [r for t in asked.text for r in re.findall("left of|right of|above|below", t)]
    assert min(relations.count(r) for r in scenes.RELATIONS) > 0.15 * len(relations)


def test_a_scene_without_such_a_question_is_left_out_or_counts():
    lonely = scenes.make(30, 0, objects=1)
    assert scenes.ask(lonely, 0, kinds=("colour",)).text == []
    assert set(scenes.ask(lonely, 0, kinds=("colour", "count")).kinds) == {"count"}


@pytest.mark.parametrize("changes", [{"kinds": ()}, {"kinds": ("why",)}, {"depth": 4}])
def test_impossible_questions_are_refused(changes):
    with pytest.raises(ValueError, match=r"kinds|depth"):
        scenes.ask(EVERYTHING, 0, **changes)


def test_the_figure_says_in_words_what_it_shows():
    fig, alt = scenes.figure(EVERYTHING, [4, 0, 2, 7])
    markup = plot.svg(fig, alt)
    plt.close(fig)
    assert all(EVERYTHING.captions[i][0] in alt for i in (4, 0, 2, 7))
    assert markup.count("<image") == 4
    with pytest.raises(ValueError, match="empty"):
        scenes.figure(EVERYTHING, [])
    plt.close("all")


# Words


def test_tidy_and_vocabulary():
    assert words.tidy("A man's  T-shirt, (red); no?!") == "a man's t-shirt red no"
    assert words.tidy(" ... ") == ""
    vocab = words.vocabulary(["b a", "a c b", "a <pad>"], least=2)
    assert vocab == {"<pad>": 0, "<start>": 1, "<end>": 2, "<unk>": 3, "a": 4, "b": 5}
    ids = words.to_ids(["a b a", "", "c"], vocab, longest=2)
    assert ids.tolist() == [[1, 4, 5, 2], [1, 2, 0, 0], [1, 3, 2, 0]]
    assert words.to_text(ids[2], vocab) == "<unk>"
    assert words.to_ids([], vocab).shape == (0, 2)
