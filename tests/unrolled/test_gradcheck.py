"""unrolled.gradcheck: it accepts what is right, refuses what is wrong or proves nothing."""

import numpy as np
import pytest
import torch

from unrolled import gradcheck


@pytest.fixture(autouse=True)
def fresh_registries(monkeypatch):
    monkeypatch.setattr(gradcheck, "compared", {})
    monkeypatch.setattr(gradcheck, "refuted", {})


@pytest.fixture
def gradient():
    return np.random.default_rng(0).normal(size=(3, 4))


def test_equal_arrays_pass_and_are_registered(gradient, capsys):
    gradcheck.compare("eq-d-a", gradient * (1 + 1e-14), gradient)
    line = capsys.readouterr().out
    assert line.startswith("eq-d-a")
    assert line.rstrip().endswith("ok")
    assert 0 < gradcheck.compared["eq-d-a"] < 1e-13


def test_torch_tensors_with_grad_and_numbers_are_accepted(gradient):
    tensor = torch.tensor(gradient, requires_grad=True)
    gradcheck.compare("eq-d-tensor", tensor, gradient)
    gradcheck.compare("eq-d-tensor", gradient, tensor)
    gradcheck.compare("eq-d-number", 0.5, torch.tensor(0.5))
    assert list(gradcheck.compared) == ["eq-d-tensor", "eq-d-number"]


@pytest.mark.parametrize("change", [1e-6, np.nan, np.inf])
def test_a_difference_in_one_entry_raises(gradient, change):
    off = gradient.copy()
    off[1, 2] += change
    with pytest.raises(AssertionError, match="eq-d-a"):
        gradcheck.compare("eq-d-a", off, gradient)
    assert gradcheck.compared == {}


def test_the_tolerance_is_relative_to_the_gradient(gradient):
    tiny = gradient * 1e-13
    with pytest.raises(AssertionError):
        gradcheck.compare("eq-d-tiny", tiny * 1.01, tiny)
    gradcheck.compare("eq-d-large", gradient * 1e9 + 1e-4, gradient * 1e9)


def test_shapes_are_never_broadcast(gradient):
    with pytest.raises(AssertionError, match="shapes differ"):
        gradcheck.compare("eq-d-a", gradient[:1], np.broadcast_to(gradient[:1], (3, 4)))
    with pytest.raises(AssertionError, match="shapes differ"):
        gradcheck.compare("eq-d-a", gradient[0], gradient[0][:, None] * np.ones(1))
    gradcheck.fails("row", gradient[0], gradient)
    assert gradcheck.refuted["row"] == float("inf")


@pytest.mark.parametrize("check", [gradcheck.compare, gradcheck.fails])
@pytest.mark.parametrize("auto", [np.zeros((2, 2)), np.zeros((0, 3))])
def test_a_gradient_that_cannot_show_anything_is_refused(check, auto):
    with pytest.raises(ValueError, match="zero everywhere"):
        check("eq-d-blind", auto, auto)


@pytest.mark.parametrize("check", [gradcheck.compare, gradcheck.fails])
def test_a_reference_that_is_not_finite_is_refused(check, gradient):
    with pytest.raises(AssertionError, match="not finite"):
        check("eq-d-nan", gradient, gradient * np.nan)


def test_fails_prints_how_far_off(gradient, capsys):
    gradcheck.fails("twice", 2 * gradient, gradient)
    assert "100%" in capsys.readouterr().out
    assert gradcheck.refuted == {"twice": pytest.approx(1.0)}


def test_fails_raises_when_the_wrong_equation_passes(gradient):
    with pytest.raises(AssertionError, match="expected to be wrong"):
        gradcheck.fails("right after all", gradient * (1 + 1e-5), gradient)
    gradcheck.fails("now it counts", gradient * (1 + 1e-5), gradient, at_least=1e-6)


def test_repeated_comparisons_keep_the_worst(gradient):
    gradcheck.compare("eq-d-a", gradient * (1 + 1e-12), gradient)
    gradcheck.compare("eq-d-a", gradient, gradient)
    assert gradcheck.compared["eq-d-a"] > 1e-13


PAGE = """
```{math}
:label: eq-d-checked
y
```

```{math}
:label: eq-d-forgotten
y
```

$$
y
$$ (eq-d-dollars)

```{math}
:label: eq-loss
y
```

Text that mentions compare("eq-d-forgotten", ...) is no check.

```{code-cell} ipython3
gradcheck.compare(
    "eq-d-checked", 1.0, 1.0)
```
"""


def test_unchecked_finds_labels_without_a_cell():
    assert gradcheck.unchecked(PAGE) == ["eq-d-forgotten", "eq-d-dollars"]
