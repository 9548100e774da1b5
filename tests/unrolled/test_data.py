"""The made data: shapes, the properties that the chapters rely on, and the same numbers again."""

import numpy as np
import pytest

from unrolled import data


def test_encode_and_one_hot():
    ids = data.encode(data.HELLO, data.HELLO_VOCABULARY)
    assert ids.tolist() == [0, 1, 2, 2, 3]
    assert data.one_hot(ids, 4)[3].tolist() == [0, 0, 1, 0]
    assert data.one_hot([[0, 1]], 3).shape == (1, 2, 3)


def test_unknown_characters_and_ids_are_refused():
    with pytest.raises(ValueError, match="'w'"):
        data.encode("how", data.HELLO_VOCABULARY)
    with pytest.raises(IndexError):
        data.one_hot([4], 4)
    with pytest.raises(IndexError):
        data.one_hot([-1], 4)


def test_two_reviews_have_the_same_words_and_opposite_labels():
    (first, good), (second, bad) = data.REVIEWS[:2]
    assert sorted(first.split()) == sorted(second.split())
    assert good != bad


def test_traffic_has_its_peaks_and_quiet_weekends():
    flow = data.traffic(140, seed=0).reshape(20, 7, 24)
    week = flow.mean(axis=0)
    assert flow.min() >= 0
    assert np.array_equal(flow, np.round(flow))
    assert set(week[:5].argmax(axis=1)) <= {17, 18}
    assert week[:5, 8].min() > week[:5, 11].max()
    assert week[5:].max() < 0.75 * week[:5].max()


def test_series_depend_on_their_seed_alone():
    assert np.array_equal(data.traffic(3, 7), data.traffic(3, 7))
    assert not np.array_equal(data.traffic(3, 7), data.traffic(3, 8))
    rng = np.random.default_rng(7)
    first, second = data.traffic(3, rng), data.traffic(3, rng)
    assert np.array_equal(first, data.traffic(3, 7))
    assert not np.array_equal(first, second)


def test_autoregressive_obeys_its_recursion():
    x = data.autoregressive(50, [0.5, -0.3], 1)
    shocks = np.random.default_rng(1).standard_normal(50)
    assert x[0] == pytest.approx(shocks[0])
    assert x[1] == pytest.approx(0.5 * x[0] + shocks[1])
    np.testing.assert_allclose(x[2:], 0.5 * x[1:-1] - 0.3 * x[:-2] + shocks[2:], atol=1e-12)


def test_parity_flips_with_every_one():
    bits, odd = data.parity(6, 9, 3)
    assert bits.shape == odd.shape == (6, 9)
    assert np.array_equal(odd[:, 0], bits[:, 0])
    assert np.array_equal(odd[:, 1:] ^ odd[:, :-1], bits[:, 1:])


def test_recall_shows_its_symbol_once():
    x, which = data.recall(40, 7, 2)
    assert x.shape == (40, 7, 4)
    assert np.array_equal(x[:, 0].argmax(axis=1), which)
    assert x[:, 0].sum() == x.sum() == 40
    assert set(which) == {0, 1, 2, 3}


def test_hmm_is_one_and_its_draws_follow_it():
    for rows in data.WEATHER:
        np.testing.assert_allclose(rows.sum(axis=-1), 1)
    states, symbols = data.observe(data.WEATHER, 20000, 5)
    for k in range(3):
        here = states[:-1] == k
        moved = np.bincount(states[1:][here], minlength=3) / here.sum()
        np.testing.assert_allclose(moved, data.WEATHER.move[k], atol=0.03)
        assert symbols[states == k].mean() == pytest.approx(data.WEATHER.emit[k, 1], abs=0.03)


def test_house_number_is_two_digits_in_a_frame():
    picture = data.house_number()
    assert picture.shape == (9, 14)
    assert set(np.unique(picture)) == {0.0, 1.0}
    assert picture[0].sum() == picture[-1].sum() == picture[:, 0].sum() == picture[:, -1].sum() == 0
    assert not picture[:, 6:8].any()
