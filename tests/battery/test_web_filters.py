"""Filters and wrappings: each has a way through, and is in the way of whoever does not know it."""

from __future__ import annotations

import base64
import codecs
import html
import re
import types
import unicodedata
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.battery.draw import Draw
from seatrial.battery.families.web import FAMILY
from seatrial.battery.families.web.generate import TECHNIQUES
from seatrial.battery.families.web.screens import MOST, Fold, Pipeline, Pools, Refusal, conceal, draw_pipeline, passed
from seatrial.battery.families.web.step import Setting, Step
from seatrial.battery.families.web.theme import Theme
from seatrial.battery.families.web.wraps import NAMES, Wrap, draw_wraps, functions, seal, unseal

SQL = "zz'\tUNIoN\taLL\tSeLeCT\tphrase,NULL\tFRoM\tbonds\tWHeRE\tid\tIN\t(1)"
POOLS = Pools((" '", "select", "union", "from"), tuple(Refusal(f"never{n}") for n in range(12)), ("select", "from"))


class Problem(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def draw(number: int) -> Draw:
    return Draw(bytes([number % 256]) * 32, family="web", version="1", level=1, stream=f"filters {number}")


def run(source: str, name: str) -> Any:  # noqa: ANN401 - whatever the text defines
    """A function of a service, from its text."""
    modules: list[Any] = [base64, codecs, html, re, unicodedata]
    space: dict[str, Any] = {module.__name__: module for module in modules}
    space |= {"unquote": unquote, "kit": types.SimpleNamespace(Problem=Problem)}
    exec(compile(source, "service", "exec"), space)  # noqa: S102 - the text that a service would hold
    return space[name]


def through(pipe: Pipeline, text: str) -> str | None:
    try:
        return str(run(pipe.function("tidy", "no"), "tidy")(text))
    except Problem:
        return None


@pytest.mark.parametrize("filters", range(MOST + 3))
def test_every_pipeline_lets_a_concealed_text_through_unchanged(filters: int) -> None:
    for number in range(60):
        pipe = draw_pipeline(draw(number), POOLS, filters)
        assert len(pipe.folds) + len(pipe.refusals) == min(filters, MOST)
        assert passed(conceal(SQL, pipe), pipe) == SQL
        if pipe.folds:
            assert passed(SQL, pipe) != SQL


def test_the_service_s_text_does_what_the_generator_thinks() -> None:
    for number in range(120):
        pipe = draw_pipeline(draw(number), POOLS, number % (MOST + 1))
        for text in (SQL, conceal(SQL, pipe), "plain words", "o'hara", "50% <b>&amp;", "a%27b=27&#39;"):
            assert through(pipe, text) == passed(text, pipe)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["'", "select", "FROM", "%27", "&#39;", "=27", "\\u0027", "%u0027", " ", "x", "7"]), max_size=12
    ),
    st.integers(0, 255),
    st.integers(0, 8),
)
def test_any_text_can_be_concealed_or_the_pipeline_says_so(parts: list[str], number: int, filters: int) -> None:
    pipe = draw_pipeline(draw(number), POOLS, filters)
    text = "".join(parts)
    got = passed(conceal(text, pipe), pipe)
    assert got is None or isinstance(got, str)
    assert through(pipe, text) == passed(text, pipe)


def test_a_refusal_can_demand_and_forbid() -> None:
    assert Refusal("^http:", must=True).allows("HTTP://x")
    assert not Refusal("^http:", must=True).allows("ftp://x")
    assert Refusal("select|SELECT", exact=True).allows("SeLeCT")
    assert not Refusal("a").allows("A")


def test_one_folding_alone_each() -> None:
    for name in ("percent", "entity", "wide", "escape", "units", "quoted", "unseen", "remark"):
        pipe = Pipeline((Fold(name, "select"),), ())
        assert passed(SQL, pipe) is None
        assert passed(conceal(SQL, pipe), pipe) == SQL


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 255), st.integers(0, len(NAMES)), st.integers(0, 10**8))
def test_wrappings_come_off_again_in_generator_solver_and_service(number: int, count: int, value: int) -> None:
    wraps = draw_wraps(draw(number), count)
    assert len({wrap.name for wrap in wraps}) == count
    for text in (str(value), "eyJh.eyJz_-A.c2ln-_x"):
        sealed = seal(text, wraps)
        assert unseal(sealed, wraps) == text
        source = functions(wraps, "on", "off")
        assert run(source, "on")(text) == sealed
        assert run(source, "off")(sealed) == text


def test_a_number_that_was_not_wrapped_is_refused_politely() -> None:
    wraps = (Wrap("sum"), Wrap("hex"))
    off = run(functions(wraps, "on", "off", 401, "That is no pass."), "off")
    for text in ("", "zz", "313131", "é", "3" * 7):
        with pytest.raises(Problem) as caught:
            off(text)
        assert caught.value.status == 401


def section(technique: str, filters: int, number: int) -> Step:
    theme = Theme.of(draw(number))
    return TECHNIQUES[technique](Setting(theme, draw(number), 1, filters, theme.person(), theme.person()))


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_every_section_has_a_way_in_under_any_number_of_filters(technique: str) -> None:
    for filters in range(MOST + 1):
        for number in range(8):
            step = section(technique, filters, number)
            assert step.weak != step.fixed
            assert len(step.touches) >= 5
            assert len(step.calls) >= 2
            assert step.technique in FAMILY.techniques
