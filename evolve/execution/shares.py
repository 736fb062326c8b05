"""From the tallies of all tensors to the shares of the sources.

effective_i = sum |p_i|_1 / sum_j sum |p_j|_1, alignment_i = sum <p_i, X> / sum |X|^2,
nominal_i = the recipe's weights averaged over the parameters; the sums run over the tensors,
in total and by group. A base is no contributor: what it is owed is a matter of lineage, not
of norms.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evoreg.evolve.execution.tally import Tally
from evoreg.provenance.records.candidate import Contribution, GroupShare, fraction


@dataclass
class _Sums:
    mass: dict[str, list[float]] = field(default_factory=dict)
    product: dict[str, list[float]] = field(default_factory=dict)
    energy: list[float] = field(default_factory=list)

    def effective(self, reference: str) -> float:
        total = math.fsum(math.fsum(values) for values in self.mass.values())
        return math.fsum(self.mass.get(reference, ())) / total if total else 0.0

    def alignment(self, reference: str) -> float:
        energy = math.fsum(self.energy)
        return math.fsum(self.product.get(reference, ())) / energy if energy else 0.0


@dataclass
class Shares:
    """Collects tallies; sums are exact (`math.fsum`), so the order of tensors does not matter."""

    _total: _Sums = field(default_factory=_Sums)
    _groups: dict[str, _Sums] = field(default_factory=dict)
    _nominal: dict[str, list[float]] = field(default_factory=dict)
    _used: dict[str, bool] = field(default_factory=dict)

    def add(self, group: str, references: Sequence[str], tally: Tally) -> None:
        """Add the tally of one tensor.

        Args:
            group: Group of the tensor.
            references: The model of each number of the tally.
            tally: The sums.
        """
        for sums in (self._total, self._groups.setdefault(group, _Sums())):
            sums.energy.append(tally.energy)
            for place, reference in enumerate(references):
                sums.mass.setdefault(reference, []).append(tally.mass[place])
                sums.product.setdefault(reference, []).append(tally.product[place])
        for place, reference in enumerate(references):
            self._nominal.setdefault(reference, []).append(tally.nominal[place])
            self._used[reference] = self._used.get(reference, False) or tally.used[place]

    def contributions(
        self, contributors: Sequence[str], givers: Sequence[str]
    ) -> tuple[Contribution, ...]:
        """Return the shares of the sources.

        Args:
            contributors: References of the models, in recipe order.
            givers: Those that are in the result whatever the coefficients: what differences are
                measured from, and whose vocabulary was asked for. They have no share as long as
                they are nothing else.

        Returns:
            One contribution a model. The nine-decimal `effective` shares sum to exactly 1 (the
            largest takes the rounding), or are all 0 if the merge changed nothing.
        """
        sums = {name: math.fsum(self._nominal.get(name, ())) for name in contributors}
        whole = math.fsum(sums.values())
        effective = _rounded({name: self._total.effective(name) for name in contributors})
        return tuple(
            Contribution(
                reference=name,
                nominal=fraction(sums[name] / whole if whole else 0.0),
                effective=effective[name],
                alignment=fraction(self._total.alignment(name)),
                used=name in givers or self._used.get(name, False),
                groups=self._by_group(name, contributors),
            )
            for name in contributors
        )

    def _by_group(self, name: str, contributors: Sequence[str]) -> tuple[GroupShare, ...]:
        shares = []
        for group, sums in sorted(self._groups.items(), key=lambda item: _natural(item[0])):
            effective = _rounded({other: sums.effective(other) for other in contributors})
            alignment = fraction(sums.alignment(name))
            if float(effective[name]) or float(alignment):
                shares.append(
                    GroupShare(group=group, effective=effective[name], alignment=alignment)
                )
        return tuple(shares)


def _natural(group: str) -> tuple[int, int, str]:
    layer = re.match(r"layer (\d+)( |$)", group)
    if layer:
        return 1, int(layer[1]), group
    return (0 if group == "embeddings" else 2), 0, group


def _rounded(values: Mapping[str, float]) -> dict[str, str]:
    """Round to nine decimals so that the sum stays exactly 1."""
    units = {name: round(value * 10**9) for name, value in values.items()}
    if any(units.values()):
        largest = max(sorted(units), key=lambda name: units[name])
        units[largest] += 10**9 - sum(units.values())
    return {name: fraction(unit / 10**9) for name, unit in units.items()}
