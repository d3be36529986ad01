"""Names of functions as key, as line of the state, and out of their manglings; which frames count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.crash import Frame, frames, names, signature
from seatrial.clearinghouse.crash.demangling import demangle

KEYS = {
    "main": "main",
    "foo(int) const": "foo",
    "void std::vector<int, std::allocator<int> >::push_back(int&&)": "std::vector::push_back",
    "std::__1::basic_string<char>::operator<<(int)": "std::__1::basic_string::operator<<",
    "Handle<Foo>::operator->() const": "Handle::operator->",
    "bool operator< <int>(Big<int> const&, Big<int> const&)": "operator<",
    "foo::operator()(int) const": "foo::operator()",
    "operator new[](unsigned long)": "operator new[]",
    "(anonymous namespace)::Foo<int>::bar(char*)": "(anonymous namespace)::Foo::bar",
    "foo(int)::{lambda(int)#1}::operator()(int) const": "foo::{lambda#1}::operator()",
    "Wide<int>::operator bool() const": "Wide::operator bool",
    "tcp_ack.isra.0": "tcp_ack",
    "read_part.constprop.3.cold": "read_part",
    "f [clone .part.0]": "f",
    "mycrate::parse::h0123456789abcdef": "mycrate::parse",
    "<alloc::vec::Vec<T,A> as core::ops::Index<I>>::index": "<alloc::vec::Vec as core::ops::Index>::index",
    "_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..Drop$GT$::drop": "<alloc::vec::Vec as core::ops::Drop>::drop",
    "main.(*Tree[...]).Insert": "main.(*Tree).Insert",
    "example.org/a/b.Map[...]": "example.org/a/b.Map",
    "org.example.Parser.<init>": "org.example.Parser.<init>",
    "org.example.Main.lambda$main$0": "org.example.Main.lambda$main",
    "org.example.Outer$1.run": "org.example.Outer$1.run",
    "Object.<anonymous>": "Object.<anonymous>",
    "<listcomp>": "<listcomp>",
    "": "",
}
MANGLED = {
    "_ZN3foo3BarC1Ei": "foo::Bar::Bar",
    "_ZN3foo3BarD0Ev": "foo::Bar::~Bar",
    "_ZNSt6vectorIiSaIiEE9push_backEOi": "std::vector::push_back",
    "_ZN12_GLOBAL__N_13fooEv": "(anonymous namespace)::foo",
    "_ZNK3Fooixi": "_ZNK3Fooixi",
    "_ZNK3FooixEi": "Foo::operator[]",
    "__ZN3foo3barEv": "foo::bar",
    "_ZN4core9panicking5panic17h0123456789abcdefE": "core::panicking::panic",
    "_RNvNtCs1234_7mycrate3foo3bar": "mycrate::foo::bar",
    "_RINvNtCs6OO_4core3ptr13drop_in_placeNtCs1_1a1BECs2_1c": "core::ptr::drop_in_place",
    "_RNCNvCs1234_7mycrate4main0B3_": "mycrate::main::{closure}",
    "_ZN99999999999999999999foo": "_ZN99999999999999999999foo",
    "_R": "_R",
    "_Z": "_Z",
}
STATE_LINES = {
    "(anonymous namespace)::Foo::bar(int) const /src/a.cc:3:1": "Foo::bar",
    "parse a.c:3": "parse",
    "non-virtual thunk to ns::A::run() a.cc:1": "ns::A::run",
    "void copy<int, std::pair<int, int> >(int*) a.h:1": "void copy<int, std::pair<int, int> >",
    "module!ns::f(int)": "ns::f",
}


def test_keys_drop_what_differs_between_builds_of_one_function() -> None:
    assert {name: names.key(name) for name in KEYS} == KEYS


def test_mangled_names_are_read_and_others_left() -> None:
    assert {name: demangle(name) for name in MANGLED} == MANGLED


def test_lines_of_the_state_are_names_as_printed_without_parameters() -> None:
    assert {text: signature.state_name(text) for text in STATE_LINES} == STATE_LINES


@given(st.text(alphabet="_ZRNIEKSB0123456789abcxyz:<>()[]*&, .$~", max_size=60))
def test_no_name_raises_and_a_key_is_its_own_key(name: str) -> None:
    demangle("_Z" + name)
    demangle("_R" + name)
    names.display(name)
    names.key(name)


@pytest.mark.parametrize("name", ["a<" * 1000, "(" * 2000, "operator" * 250, "_ZN" + "3foo" * 600, "_R" + "NC" * 1000])
def test_long_names_are_read(name: str) -> None:
    assert names.key(name) is not None


def test_the_trace_keeps_what_the_broad_filter_of_the_state_drops() -> None:
    for name in ("free_node", "newline", "main_loop", "assert_shape", "malloc_report"):
        assert frames.kept(Frame(0, name), "c")
        assert not frames.of_state(f"{name} a.c:1")
    for name in (
        "free",
        "operator new(unsigned long)",
        "__asan_memcpy",
        "abort",
        "main",
        "__interceptor_strlen.part.0",
    ):
        assert not frames.kept(Frame(0, name), "c")
        assert frames.reason(Frame(0, name), "c")


def test_a_state_has_numbers_and_addresses_replaced_and_its_lines_cut() -> None:
    lines = ["queue 0xdeadbeef of 123456 is full", "f" * 200]
    assert signature.state(lines, (), "ASSERT") == "queue ADDRESS of NUMBER is full\n" + "f" * 80
    assert signature.state([], (), "ASSERT") == "NULL"
    assert signature.state(["a", "b"], list("xabababab"), "Stack-overflow") == "a\nb"


def test_a_cycle_is_turned_to_its_least_name() -> None:
    first = tuple(Frame(number, name) for number, name in enumerate("bcabcabcabca"))
    second = tuple(Frame(number, name) for number, name in enumerate("cabcabcabcab"))
    assert [frame.function for frame in signature.rotated(first)] == ["a", "b", "c"]
    assert [frame.function for frame in signature.rotated(second)] == ["a", "b", "c"]
