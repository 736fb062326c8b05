"""Each method against its formula, written down once more for whole tensors in float64."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from evoreg.evolve.methods.masks import key
from tests.evolve.method_groups import family, identity, merged

SHAPES = [(9,), (6, 7), (3, 4, 5), (1, 6), (6, 1)]
# More than a block: rows cross its border, or a row is longer than it.
LARGE = [(700, 401), (300_000,)]
DTYPES = [torch.float32, torch.float64]
ALL = [(shape, kind) for shape in SHAPES for kind in DTYPES] + [
    (shape, torch.float64) for shape in LARGE
]
every_shape = pytest.mark.parametrize(("shape", "kind"), ALL, ids=str)
WEIGHTS = (0.6, 0.4, -0.3)

Tensors = list[torch.Tensor]
Shape = tuple[int, ...]


def wide(base: torch.Tensor, parts: Tensors) -> tuple[torch.Tensor, Tensors]:
    return base.double(), [part.double() for part in parts]


def weighted(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"weight": weight, **more} for weight in WEIGHTS[:count]]


def near(got: torch.Tensor, expected: torch.Tensor, kind: torch.dtype) -> None:
    allowed = 2e-6 if kind == torch.float32 else 1e-12
    torch.testing.assert_close(got, expected, rtol=0, atol=allowed * float(expected.abs().max()))


# Angles


def spherical(x: torch.Tensor, y: torch.Tensor, t: float) -> torch.Tensor:
    """Interpolate two vectors along axis 0."""
    cosine = (x * y).sum(0) / (x.norm(dim=0).clamp(min=1e-7) * y.norm(dim=0).clamp(min=1e-7))
    angle = cosine.clamp(-1, 1).acos()
    curved = (((1 - t) * angle).sin() * x + (t * angle).sin() * y) / angle.sin()
    return torch.where(1 - cosine**2 < 1e-6, (1 - t) * x + t * y, curved)


@every_shape
@pytest.mark.parametrize("mode", ["flat", "rows", "columns"])
@pytest.mark.parametrize("based", [False, True])
def test_nuslerp(shape: Shape, kind: torch.dtype, mode: str, based: bool) -> None:
    base, parts = family(shape, 2, kind)
    shared = {"nuslerp_flatten": mode == "flat", "nuslerp_row_wise": mode == "columns"}
    got = merged("nuslerp", parts, base if based else None, weighted(2), **shared)
    origin, (x, y) = wide(base, parts)
    origin = origin if based else torch.zeros_like(origin)
    x, y = x - origin, y - origin
    if mode == "flat":
        found = spherical(x.reshape(-1), y.reshape(-1), 0.4).reshape(shape)
    elif mode == "columns" or len(shape) == 1:
        found = spherical(x, y, 0.4)
    else:
        found = spherical(x.movedim(-1, 0), y.movedim(-1, 0), 0.4).movedim(0, -1)
    near(got, origin + found, kind)


@every_shape
@pytest.mark.parametrize("based", [False, True])
@pytest.mark.parametrize("normalize", [True, False])
def test_multislerp(shape: Shape, kind: torch.dtype, based: bool, normalize: bool) -> None:
    base, parts = family(shape, 3, kind)
    shared = {"normalize_weights": normalize, "eps": 1e-6}
    got = merged("multislerp", parts, base if based else None, weighted(3), **shared)
    origin, parts = wide(base, parts)
    origin = origin if based else torch.zeros_like(origin)
    vectors = [part - origin for part in parts]
    total = math.fsum(WEIGHTS) if normalize else 1.0
    weights = [weight / total for weight in WEIGHTS]
    units = [v / (v.norm() + 1e-6) for v in vectors]
    mean = sum(w * u for w, u in zip(weights, units, strict=True))
    mean = mean / mean.norm()
    tangent = sum(w * (u - (u * mean).sum() * mean) for w, u in zip(weights, units, strict=True))
    size = tangent.norm() + 1e-6
    moved = mean * size.cos() + tangent * size.sin() / size
    near(
        got, origin + moved * sum(w * v.norm() for w, v in zip(weights, vectors, strict=True)), kind
    )


@every_shape
@pytest.mark.parametrize(("rounds", "tol"), [(0, 1e-5), (1, 1e-5), (10, 1e-5), (50, 1e-9)])
def test_karcher(shape: Shape, kind: torch.dtype, rounds: int, tol: float) -> None:
    _, parts = family(shape, 3, kind)
    parts[1] = parts[1].roll(1)
    got = merged("karcher", parts, max_iter=rounds, tol=tol)
    _, parts = wide(parts[0], parts)
    units = [part / part.norm() for part in parts]
    mean = sum(units[1:], units[0]) / 3
    mean = mean / mean.norm()
    for _ in range(rounds):
        tangent = torch.zeros_like(mean)
        for unit in units:
            dot = float((mean * unit).sum().clamp(-1, 1))
            angle = math.acos(dot)
            if angle >= tol:
                tangent = tangent + angle / math.sin(angle) / 3 * (unit - dot * mean)
        size = float(tangent.norm())
        if size < tol:
            break
        mean = math.cos(size) * mean + math.sin(size) / size * tangent
        mean = mean / mean.norm()
    near(got, mean * (sum(float(part.norm()) for part in parts) / 3), kind)


def stock(deltas: torch.Tensor) -> torch.Tensor:
    """Return the ratio from differences of shape (parts, n, ...), angles taken along axis 1."""
    count = len(deltas)
    lengths = deltas.norm(dim=1)
    cosines = [
        ((deltas[i] * deltas[j]).sum(0) / (lengths[i] * lengths[j]).clamp(min=1e-6)).clamp(-1, 1)
        for i in range(count)
        for j in range(i)
    ]
    cosine = sum(cosines[1:], cosines[0]) / len(cosines)
    divisor = 1 + (count - 1) * cosine
    return torch.where(divisor.abs() < 1e-6, torch.zeros(()).double(), count * cosine / divisor)


@every_shape
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("filter_wise", [False, True])
def test_model_stock(shape: Shape, kind: torch.dtype, count: int, filter_wise: bool) -> None:
    base, parts = family(shape, count, kind)
    parts = [part + 0.1 * normal_like(part) for part in parts]
    got = merged("model_stock", parts, base, filter_wise=filter_wise)
    origin, parts = wide(base, parts)
    deltas = torch.stack([part - origin for part in parts])
    if filter_wise:
        ratio = stock(deltas.movedim(-1, 1)).unsqueeze(-1)
        divisor = float((1 + (count - 1) * (ratio / count)).abs().min())
    else:
        ratio = stock(deltas.reshape(count, -1))
        divisor = 1.0
    expected = ratio * sum(parts[1:], parts[0]) / count + (1 - ratio) * origin
    if kind == torch.float64 or divisor > 1e-3:
        near(got, expected, kind)


def normal_like(tensor: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(tensor.shape, generator=generator).to(tensor.dtype)


# Selections: in float64, where no two roundings can disagree about what lies at a threshold


@pytest.mark.parametrize("shape", SHAPES + LARGE, ids=str)
@pytest.mark.parametrize("topk", [1.0, 0.5, 0.13, 0.0])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_sce(shape: Shape, topk: float, scale: float) -> None:
    if shape in LARGE and (topk, scale) != (0.5, 1.0):
        return
    base, parts = family(shape, 3, torch.float64)
    parts = [base + scale * (part - base) for part in parts]
    got = merged("sce", parts, base, select_topk=topk)
    deltas = torch.stack([part - base for part in parts])
    if topk < 1:
        variance = deltas.var(dim=0, correction=0).reshape(-1)
        count = int(int((variance > 0).sum()) * topk)
        taken = torch.zeros_like(variance)
        taken[variance.argsort(descending=True)[:count]] = 1.0
        deltas = deltas * taken.reshape(shape)
    energy = (deltas**2).reshape(3, -1).mean(1)
    weights = energy / energy.sum() if energy.sum() >= 1e-6 else torch.full((3,), 1 / 3)
    weights = weights.double().reshape(3, *[1] * len(shape))
    sign = torch.where(deltas.sum(0) >= 0, 1.0, -1.0)
    mask = (deltas.sign() == sign) * weights
    near(got, base + (deltas * mask).sum(0) / mask.sum(0).clamp(min=1e-6), torch.float64)


@every_shape
@pytest.mark.parametrize("t", [0.0, 0.05, 0.5, -1.0])
def test_nearswap(shape: Shape, kind: torch.dtype, t: float) -> None:
    base, parts = family(shape, 1, kind)
    got = merged("nearswap", parts, base, t=t)
    origin, (other,) = wide(base, parts)
    weight = (t / (other - origin).abs().clamp(min=1e-6)).clamp(0, 1)
    near(got, weight * other + (1 - weight) * origin, kind)


@pytest.mark.parametrize("shape", [*SHAPES, *LARGE, (2, 2**18 + 3)], ids=str)
def test_arcee_fusion(shape: Shape) -> None:
    base, (other,) = family(shape, 1, torch.float64)
    got = merged("arcee_fusion", [other], base)
    p, q = (tensor.softmax(-1) + 1e-8 for tensor in (other, base))
    importance = (other - base).abs() * (p * (p / q).log()).sum(-1, keepdim=True)
    ordered = importance.reshape(-1).sort().values
    low, middle, high = (float(ordered[int(q * (len(ordered) - 1))]) for q in (0.25, 0.5, 0.75))
    threshold = middle + 1.5 * (high - low)
    # Where rows cross a block, sums may differ in their last digits.
    clear = (importance - threshold).abs() >= 1e-9 * threshold
    expected = torch.where(importance >= threshold, other, base)
    assert (~clear).sum() <= 1
    near(got[clear], expected[clear], torch.float64)


@every_shape
@pytest.mark.parametrize("epsilon", [0.0, 0.05, 10.0])
@pytest.mark.parametrize("strengthened", [False, True])
def test_ram(shape: Shape, kind: torch.dtype, epsilon: float, strengthened: bool) -> None:
    base, parts = family(shape, 3, kind)
    parts[2] = base.clone()
    more: dict[str, Any] = {"r": 0.5, "alpha": 0.3} if strengthened else {}
    method = "ramplus_tl" if strengthened else "ram"
    got = merged(method, parts, base, epsilon=epsilon, **more)
    origin, parts = wide(base, parts)
    deltas = [part - origin for part in parts]
    active = [delta.abs() > epsilon for delta in deltas]
    count = torch.stack(active).sum(0)
    expected = origin.clone()
    for delta, mine in zip(deltas, active, strict=True):
        alone, shared = mine & (count == 1), mine & (count > 1)
        ratio = float(shared.sum()) / max(float(alone.sum()), epsilon, 1e-300)
        factor = 1 + 0.5 * min(ratio, 0.3) if strengthened else 1.0
        expected += torch.where(alone, factor * delta, torch.zeros_like(delta))
        expected += torch.where(shared, delta / count.clamp(min=1), torch.zeros_like(delta))
    near(got, expected, kind)


# The family of task arithmetic


def band(delta: torch.Tensor, density: float, gamma: float) -> torch.Tensor:
    if density >= 1:
        return torch.ones_like(delta)
    size = delta.numel()
    target, top = int(density * size), int(gamma * size)
    bottom = max(0, size - target - top)
    kept = torch.zeros(size, dtype=torch.float64)
    kept[delta.abs().reshape(-1).argsort()[bottom : bottom + target]] = 1.0
    return kept.reshape(delta.shape)


def chances(delta: torch.Tensor, density: float, epsilon: float) -> torch.Tensor:
    """Return the probability of each element, by ranks along axis 1."""
    rows = delta.abs().unsqueeze(0) if delta.dim() == 1 else delta.abs()
    ranks = rows.argsort(dim=1).argsort(dim=1).double()
    length = rows.shape[1]
    share = ranks / (length - 1) if length > 1 else torch.full_like(ranks, 0.5)
    return (density - epsilon + 2 * epsilon * share).reshape(delta.shape)


def drawn(delta: torch.Tensor, place: int, density: float, epsilon: float) -> torch.Tensor:
    if density in (0.0, 1.0):
        return torch.full_like(delta, density)
    stream = key(7, "w", identity(place))
    raw = np.random.Philox(key=stream).random_raw((delta.numel() + 1) // 2)
    words = raw.astype("<u8").view("<u4")[: delta.numel()].astype(np.float64)
    levels = (chances(delta, density, epsilon) * 2**32).round()
    return (torch.from_numpy(words).reshape(delta.shape) < levels).double()


def combined(
    deltas: Tensors, masks: Tensors, *, consensus: bool, normalize: bool, rescale: bool
) -> torch.Tensor:
    """Return the change, by the seven steps of the family, lambda being 0.8."""
    moved = []
    for delta, mask, weight in zip(deltas, masks, WEIGHTS, strict=False):
        kept = delta * mask
        scale = float(delta.abs().sum() / kept.abs().sum()) if rescale and kept.any() else 1.0
        moved.append(weight * scale * kept)
    votes = [torch.ones_like(delta) for delta in deltas]
    if consensus:
        sign = torch.where(sum(moved[1:], moved[0]) >= 0, 1.0, -1.0)
        votes = [(item.sign() == sign).double() for item in moved]
    mixed = torch.stack([vote * item for vote, item in zip(votes, moved, strict=True)]).sum(0)
    pairs = zip(votes, WEIGHTS, strict=False)
    divisor = torch.stack([vote * weight for vote, weight in pairs]).sum(0)
    divisor = torch.where(divisor.abs() < 1e-8, 1.0, divisor)
    return 0.8 * (mixed / divisor if normalize else mixed)


@pytest.mark.parametrize("shape", SHAPES + LARGE, ids=str)
@pytest.mark.parametrize("density", [0.0, 0.3, 0.8, 0.97, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("method", ["breadcrumbs", "breadcrumbs_ties"])
def test_breadcrumbs(shape: Shape, density: float, gamma: float, method: str) -> None:
    if shape in LARGE and (density, gamma) != (0.8, 0.1):
        return
    base, parts = family(shape, 2, torch.float64)
    own = weighted(2, density=density, gamma=gamma)
    consensus = method.endswith("ties")
    for normalize, rescale in ((False, False), (True, True)):
        flags = {"normalize": normalize, "rescale": rescale}
        got = merged(method, parts, base, own, **{"lambda": 0.8}, **flags)
        deltas = [part - base for part in parts]
        masks = [band(delta, density, gamma) for delta in deltas]
        change = combined(deltas, masks, consensus=consensus, **flags)
        near(got, base + change, torch.float64)


@pytest.mark.parametrize("shape", [*SHAPES, *LARGE, (2, 300, 500)], ids=str)
@pytest.mark.parametrize(
    ("density", "epsilon"), [(0.0, 0.15), (0.5, 0.15), (0.66, 0.1), (0.3, -0.2), (1.0, 0.15)]
)
@pytest.mark.parametrize("method", ["della", "della_linear"])
def test_della(shape: Shape, density: float, epsilon: float, method: str) -> None:
    if math.prod(shape) > 1000 and density != 0.66:
        return
    base, parts = family(shape, 2, torch.float64)
    own = weighted(2, density=density, epsilon=epsilon)
    for normalize, rescale in ((False, False), (True, True)):
        flags = {"normalize": normalize, "rescale": rescale}
        got = merged(method, parts, base, own, **{"lambda": 0.8}, **flags)
        deltas = [part - base for part in parts]
        masks = [drawn(delta, place, density, epsilon) for place, delta in enumerate(deltas)]
        change = combined(deltas, masks, consensus=method == "della", **flags)
        near(got, base + change, torch.float64)


def test_della_keeps_the_large_more_often() -> None:
    """Means over many elements: p runs from 0.4 at the smallest to 0.8 at the largest."""
    base, (part,) = family((100, 4096), 1, torch.float32)
    own = [{"weight": 1.0, "density": 0.6, "epsilon": 0.2}]
    got = merged("della_linear", [part], base, own, rescale=False)
    delta = (part - base).abs()
    kept = got.float() != base
    order = delta.argsort(dim=1)
    sorted_ = kept.gather(1, order).double()
    assert float(sorted_.mean()) == pytest.approx(0.6, abs=0.005)
    assert float(sorted_[:, :512].mean()) == pytest.approx(0.425, abs=0.01)
    assert float(sorted_[:, -512:].mean()) == pytest.approx(0.775, abs=0.01)
