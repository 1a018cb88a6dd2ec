"""Names: cleaned, bent only where the table knows how, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.compose.first_names import TABLE
from services.notifier.compose.names import LONGEST, first_name, gender_of, known, vocative


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ANNA MARIA", "Anna"), ("łucja", "Łucja"), ("ŁUKASZ", "Łukasz"), (" jan kowalski ", "Jan"),
        ("Pani Ewa", "Ewa"),
        ("mgr inż. Piotr", "Piotr"), ("J. Anna", "Anna"), ("DeShawn", "DeShawn"), ("jean-luc", "Jean-Luc"),
        ("O'Neil", "O'Neil"), ("Zoë", "Zoë"), ("Ирина", "Ирина"), ("Ng", "Ng"), ("Ly", "Ly"),
        ("Z\u0307aneta", "Żaneta"),
    ],
)  # fmt: skip
def test_a_name_is_written_as_one_writes_it(typed: str, name: str) -> None:
    assert first_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "test", "Test Testowy", "TEST", "asdf", "qwerty", "aaa", "A", "A.", "sdfgh", "Firma X", "PHU Marek",
        "Zielnik sp. z o.o.", "ABC Ltd", "brak", "null", "Klient", "n/a", "anna@example.com", "Anna1", "48600100200",
        "Anna <b>", "{{ shop.name }}", "http://x", "😀", "-", "x" * 31, "Adam=1", "...", "Gość",
    ],
)  # fmt: skip
def test_a_company_a_test_or_rubbish_is_no_name(typed: str) -> None:
    assert first_name(typed) == ""


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Anna", "Aniu"), ("Łucja", "Łucjo"), ("Piotr", "Piotrze"), ("Maciej", "Macieju"), ("Maria", "Mario"),
        ("Katarzyna", "Katarzyno"), ("Kasia", "Kasiu"), ("Ola", "Olu"), ("Iza", "Izo"), ("Paweł", "Pawle"),
        ("Michał", "Michale"), ("Aleksander", "Aleksandrze"), ("Kacper", "Kacprze"), ("Jan", "Janie"),
        ("Jakub", "Jakubie"), ("Robert", "Robercie"), ("Ernest", "Erneście"), ("Dawid", "Dawidzie"), ("Marek", "Marku"),
        ("Krzysztof", "Krzysztofie"), ("Krzysiek", "Krzyśku"), ("Mieszko", "Mieszku"), ("Kuba", "Kubo"),
        ("Grześ", "Grzesiu"), ("Jerzy", "Jerzy"), ("Antoni", "Antoni"), ("Hugo", "Hugo"), ("Stanisław", "Stanisławie"),
        ("Wojsława", "Wojsławo"), ("Dobrosław", "Dobrosławie"), ("Zbigniew", "Zbigniewie"), ("Wojciech", "Wojciechu"),
        ("Lukasz", "Lukaszu"), ("Malgorzata", "Malgorzato"), ("Pawel", "Pawle"),
    ],
)  # fmt: skip
def test_a_polish_name_is_called_as_poles_call_it(name: str, called: str) -> None:
    assert vocative(name) == called


@pytest.mark.parametrize("name", ["Jessica", "Luca", "Nikita", "Andrea", "Ołena", "Kevin", "Vladimir", "Maja", "Ирина"])
def test_a_name_that_the_table_does_not_know_or_that_wavers_stays_as_it_is(name: str) -> None:
    assert vocative(name) == name


def test_the_formal_form_of_anna_is_anno() -> None:
    assert vocative("Anna", formal=True) == "Anno"
    assert vocative("Piotr", formal=True) == "Piotrze"


def test_gender_is_what_the_profile_states_then_what_the_table_knows_and_else_unknown() -> None:
    assert gender_of("Kuba") == "male"
    assert gender_of("Beatrycze") == "female"
    assert gender_of("Kuba", "female") == "female"
    assert gender_of("Kuba", "diverse") == "male"
    assert gender_of("Jessica") is None
    assert gender_of("Jessica", "female") == "female"
    assert gender_of("") is None


def test_the_table_says_each_name_once_with_an_ending_that_it_has() -> None:
    seen: dict[str, str] = {}
    for line in TABLE.strip().splitlines():
        rule, _, listed = line.partition(": ")
        kind, ending, arrow, _ = rule.split()
        assert arrow == "→"
        assert kind in {"f", "m"}
        for word in listed.split():
            name, _, form = word.partition(">")
            assert form or ending == "-" or name.endswith(ending), (line, name)
            assert name not in seen, name
            assert first_name(name) == name
            assert known(name)
            seen[name] = kind
    assert len(seen) > 450


def test_a_womans_name_in_a_takes_o_or_u_and_no_mans_name_in_a_consonant_stays() -> None:
    for line in TABLE.strip().splitlines():
        for word in line.partition(": ")[2].split():
            name = word.partition(">")[0]
            if line.startswith("m") and name[-1] not in "iyoa":
                assert vocative(name)[-1] in "ieuo", name
                assert vocative(name) != name


@given(st.text(max_size=300))
def test_whatever_is_typed_gives_a_short_word_or_nothing(typed: str) -> None:
    name = first_name(typed)
    assert len(name) <= LONGEST + 2  # ß and ŉ take two letters as capitals
    assert name == name.strip()
    assert not set(name) & set('<>{}@ \n\r\t/&"')
    assert vocative(name) or not name
