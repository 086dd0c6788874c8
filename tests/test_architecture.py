"""The house: imports point down only, in the order that CONTRIBUTING.md shows, and nowhere in a circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import pytest

from docs import house

ORDER = house.order()
GRAPH = house.imports()


def test_no_module_imports_another_in_a_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(error.args[1]))


def test_imports_point_down_only():
    rooms = {module: house.room(module, ORDER) for module in GRAPH}
    wrong = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in sorted(others)
        if rooms[module] != rooms[other] and ORDER[rooms[module]] <= ORDER[rooms[other]]
    ]
    assert not wrong, "imports that do not point down: " + "; ".join(wrong)


def test_every_room_of_the_order_exists():
    assert {house.room(module, ORDER) for module in GRAPH} == set(ORDER)


def test_detours_are_left_out_and_no_way_is_lost():
    graph = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert house.without_detours(graph) == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert house.of_some(graph, {"a", "d"}) == {"a": {"d"}, "d": set()}
    whole = house.arrows()
    assert house.reached(house.without_detours(whole)) == house.reached(whole)


def test_the_house_is_drawn(tmp_path):
    house.draw(tmp_path / "house.svg")
    text = (tmp_path / "house.svg").read_text()
    assert text.count("<path") > len(ORDER)
