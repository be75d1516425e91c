"""Turns: no more at once than there are, in the order of coming, and others work while one only waits."""

from __future__ import annotations

import threading

from groma.serve.turns import Turns


def test_never_more_at_once_and_in_the_order_of_coming() -> None:
    turns, order, now, most = Turns(1), [], 0, 0
    first_is_in, go = threading.Event(), threading.Event()

    def work(number: int) -> None:
        nonlocal now, most
        with turns.taken():
            now += 1
            most = max(most, now)
            if number == 0:
                first_is_in.set()
                assert go.wait(30)
            order.append(number)
            now -= 1

    threads = [threading.Thread(target=work, args=(0,))]
    threads[0].start()
    assert first_is_in.wait(30)
    for number in range(1, 6):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        while len(turns._waiting) < number:
            threading.Event().wait(0.001)
    go.set()
    for thread in threads:
        thread.join(30)
    assert order == [0, 1, 2, 3, 4, 5] and most == 1
    with turns.taken():  # all were given back
        assert turns._free == 0
    assert turns._free == 1


def test_others_work_while_one_waits() -> None:
    turns, others = Turns(1), []

    def other() -> None:
        with turns.taken():
            others.append(1)

    thread = threading.Thread(target=other)
    with turns.taken():
        thread.start()
        with turns.aside():
            thread.join(30)
        assert others == [1] and turns._free == 0
    with turns.aside():  # who has none gives none
        assert turns._free == 1
    assert turns._free == 1


def test_a_turn_is_given_back_by_who_fails() -> None:
    turns = Turns(1)
    try:
        with turns.taken(), turns.aside():
            raise ValueError
    except ValueError:
        pass
    assert turns._free == 1
