"""Stories: their answers and supports follow from their sentences, and the same numbers again."""

import numpy as np
import pytest

from unrolled.data import stories


@pytest.fixture(scope="module")
def many():
    return stories.make(400, seed=3, shortest=4, longest=9)


def follow(text):
    """Where the thing is that a story asks for, found by acting the story out."""
    *sentences, question = text.split(" . ")
    place, holder = {}, {}
    for person, verb, last in map(str.split, sentences):
        if verb == "visits":
            place[person] = last
        else:
            holder[last] = person
    return place.get(holder.get(question.split()[2]))


def test_answers_are_what_acting_the_story_out_gives(many):
    for row, answer in enumerate(many.answers):
        assert follow(stories.told(many, row)) == stories.PLACES[answer]


def test_supports_are_enough_and_none_can_be_spared(many):
    first = stories.VOCABULARY.index(stories.PLACES[0])
    for row in range(len(many.words)):
        taking, visit = many.words[row, many.supports[row]]
        assert taking.tolist() == [visit[0], stories.TAKES, many.things[row]]
        assert visit.tolist()[1:] == [stories.VISITS, first + many.answers[row]]
        story = many.words[row, : many.lengths[row]]
        for gone in many.supports[row]:
            found = stories.answerable(np.delete(story, gone, axis=0)).get(many.things[row])
            shifted = None if found is None else tuple(at + (at >= gone) for at in found)
            assert shifted != tuple(many.supports[row])


def test_supports_are_the_last_of_their_kind(many):
    earlier_taking = earlier_visit = 0
    for row, (taking, visit) in enumerate(many.supports):
        story = many.words[row, : many.lengths[row]]
        same_thing = np.flatnonzero(story[:, 2] == many.things[row])
        same_person = (story[:, 0] == story[taking, 0]) & (story[:, 1] == stories.VISITS)
        assert same_thing.max() == taking
        assert np.flatnonzero(same_person).max() == visit
        earlier_taking += len(same_thing) > 1
        earlier_visit += same_person.sum() > 1
    assert min(earlier_taking, earlier_visit) > 50  # so order matters


def test_both_orders_of_the_supports_occur(many):
    share = (many.supports[:, 0] < many.supports[:, 1]).mean()
    assert 0.3 < share < 0.7


def test_shapes_lengths_and_padding(many):
    assert many.words.shape == (400, 9, 3)
    assert set(many.lengths.tolist()) == {4, 5, 6, 7, 8, 9}
    there = np.arange(9) < many.lengths[:, None]
    assert np.array_equal((many.words > 0).all(axis=2), there)
    assert np.array_equal((many.words > 0).any(axis=2), there)
    assert many.words.max() < len(stories.VOCABULARY)
    assert set(many.answers.tolist()) == set(range(len(stories.PLACES)))


def test_last_place_of_a_story_is_often_not_the_answer(many):
    first = stories.VOCABULARY.index(stories.PLACES[0])
    visits = (many.words[:, :, 1] == stories.VISITS) * np.arange(1, 10)
    last = many.words[np.arange(400), visits.argmax(axis=1), 2] - first
    assert 0.4 < (last == many.answers).mean() < 0.65


def test_told():
    batch = stories.make(5, seed=0)
    text = stories.told(batch, 2)
    assert text.count(" . ") == batch.lengths[2]
    assert text.endswith(f"where is {stories.VOCABULARY[batch.things[2]]} ?")
    assert "<pad>" not in text


def test_bags_and_ages(many):
    bags, ages = stories.bags(many), stories.ages(many)
    assert bags.shape == (400, 9, len(stories.VOCABULARY))
    there = np.arange(9) < many.lengths[:, None]
    assert np.array_equal(bags.sum(axis=2), 3.0 * there)
    row = int(many.lengths.argmin())
    for at in range(many.lengths[row]):
        assert all(bags[row, at, word] == 1 for word in many.words[row, at])
    assert ages[row].tolist() == [3, 2, 1, 0, -1, -1, -1, -1, -1]
    assert (ages[many.lengths == 9] == np.arange(8, -1, -1)).all()


def test_same_seed_same_stories():
    first, second = (stories.make(7, seed=5) for _ in range(2))
    for one, other in zip(first, second):
        assert np.array_equal(one, other)
    assert not np.array_equal(first.words, stories.make(7, seed=6).words)


def test_no_story_at_all():
    assert stories.make(0, seed=0).words.shape == (0, 10, 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n": -1}, "n must be 0 or more, not -1"),
        ({"shortest": 1}, "shortest=1"),
        ({"shortest": 8, "longest": 7}, "shortest=8, longest=7"),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        stories.make(**{"n": 3, "seed": 0, **wrong})
