# SPDX-License-Identifier: GPL-2.0-or-later
"""What is worked out once and then kept: properties of a value that never changes, and answers to questions about it.

What is kept may lead to a program of this process, so that it is to be left out of what goes to another one.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Self, TypeVar, overload

Owner = TypeVar("Owner")
Result = TypeVar("Result")
Answer = TypeVar("Answer")


class Once(Generic[Owner, Result]):
    """A property that is worked out when it is asked for, and kept."""

    def __init__(self, work: Callable[[Owner], Result]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, owner: None, _: type) -> Self: ...
    @overload
    def __get__(self, owner: Owner, _: type) -> Result: ...
    def __get__(self, owner: Owner | None, _: type) -> Result | Self:
        if owner is None:
            return self
        result = owner.__dict__[self._name] = self._work(owner)
        return result


class Asked:
    """Something that keeps what it was asked."""

    def __init__(self) -> None:
        self._answers: dict[Callable[[Any], Iterable[Any]], tuple[Any, ...]] = {}

    def ask(self, question: Callable[[Self], Iterable[Answer]]) -> tuple[Answer, ...]:
        """Return the answers to a question that sees nothing else than this; it is put once."""
        found = self._answers.get(question)
        if found is None:
            found = self._answers[question] = tuple(question(self))
        return found
