"""What ``+``, ``-``, ``*``, ``/`` and ``**`` make of losses and of sums of losses: sums."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Generic, TypeVar, final

from neuralstyle._checks import number, shown
from neuralstyle._types import Number, Tensor
from neuralstyle.losses.weights import Factor, term_weight

Sum = TypeVar("Sum", bound="Operand[Any]")
Of = TypeVar("Of")


class Operand(ABC, Generic[Sum]):
    """What losses and objectives share: whatever is computed with them is an objective."""

    terms: Any
    __array_ufunc__ = None  # an array times a loss is refused, not spread over the array

    @abstractmethod
    def _sum_of(self, *parts: Any) -> Sum:
        """Return the sum of losses, sums and terms."""

    @abstractmethod
    def _product(self, other: Operand[Sum]) -> Sum:
        """Return the sum of one term, a product."""

    @abstractmethod
    def _power(self, exponent: float) -> Sum:
        """Return the sum of one term, a power."""

    def __add__(self, other: Operand[Sum] | int) -> Sum:
        """Add the terms of `other`."""
        if isinstance(other, int) and not isinstance(other, bool) and other == 0:
            return self._sum_of(self)  # sum() starts from 0
        return self._sum_of(self, other)

    __radd__ = __add__

    def __sub__(self, other: Operand[Sum]) -> Sum:
        """Add the terms of `other`, with their signs turned."""
        return self._sum_of(self, -self._sum_of(other))

    def __rsub__(self, other: int) -> Sum:
        """Turn every term's sign: `other` can only be the 0 that sums start from."""
        return -self + other  # type: ignore[no-any-return]

    def __mul__(self, weight: Number | Operand[Sum]) -> Sum:
        """Multiply every term's weight; with a loss or an objective, make the product one term."""
        if isinstance(weight, Operand):
            return self._product(weight)
        if isinstance(weight, Factor):
            return NotImplemented
        factor, whole = term_weight(weight), self._sum_of(self)
        return self._sum_of(*(replace(term, weight=term.weight * factor) for term in whole.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: Number) -> Sum:
        """Divide every term's weight."""
        if isinstance(divisor, Operand):
            raise TypeError(
                f"divisor: expected a number, received {shown(divisor)}: a quotient of losses is "
                "a * b ** -1"
            )
        factor = term_weight(divisor, "divisor")
        if factor == 0:
            raise ValueError("divisor: expected a number other than 0, received 0")
        return self * (1.0 / factor)

    def __neg__(self) -> Sum:
        """Turn every term's sign, to maximise it."""
        return self * -1.0

    def __pow__(self, exponent: Number) -> Sum:
        """Make one term, `power`, of the sum raised to a power."""
        power = number("exponent", exponent)
        if power == 0:
            raise ValueError("exponent: expected a number other than 0, received 0")
        return self._power(power)

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> Tensor:
        """Refuse to be a tensor: one that is multiplied by a loss leaves the product to it."""
        raise TypeError(
            f"expected a number or a tensor, received the loss {shown(self)}: call it with "
            "features; its weight is a plain number"
        )


@final
class OfSum(Generic[Of]):
    """An attribute that a loss has as the sum of itself alone, unless it sets one of that name."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Note the name of the attribute."""
        self._name = name

    def __get__(self, loss: Any, owner: type[Any] | None = None) -> Of:
        """Return the attribute of the sum."""
        value: Any = self if loss is None else getattr(loss._sum_of(loss), self._name)
        return value  # type: ignore[no-any-return]
