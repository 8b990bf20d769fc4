"""Pack files: everything that is wrong is said at once, with the place, the value and what is allowed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from drcheck.checks import check_named
from drcheck.checks.base import FACTS
from drcheck.errors import ConfigError
from drcheck.policy import describe, load_pack, load_packs, shipped_packs
from drcheck.policy.subjects import Subjects
from tests.policy.rig import EVERY_CHECK, PACKS, estate, facts, pack_of

CONTROL = '\n[[controls]]\nid = "a"\nclause = "c"\ntitle = "t"\ntext = "x"\nsure = "verified"\ncheck = "copies.count"\n'


def refused(folder: Path, text: str) -> str:
    (folder / "pack.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_pack("./pack.toml", base=folder)
    assert all(problem.file.endswith("pack.toml") for problem in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            CONTROL + "issuer = { minimm = 3 }",
            "controls[0] (a).issuer.minimm: the check copies.count has no such parameter; it has minimum",
        ),
        (CONTROL + "issuer = { minimm = 3 }", '(did you mean "minimum"?)'),
        (CONTROL + 'issuer = { minimum = "3" }', "controls[0] (a).issuer.minimum: '3' is not allowed; write a whole number of at least 1"),
        (CONTROL + "issuer = { minimum = true }", "True is not allowed"),
        (CONTROL + "issuer = { minimum = 0 }", "0 is not allowed; write a whole number of at least 1"),
        (CONTROL + "ours = { minimum = 3 }", "controls[0] (a).because: is missing"),
        (CONTROL + 'issuer = { minimum = 3 }\nours = { minimum = 2 }\nbecause = "b"', "ours.minimum: is given by the issuer too"),
        (CONTROL.replace("copies.count", "copies.cuont"), 'no check is called "copies.cuont"'),
        (CONTROL.replace("copies.count", "copies.cuont"), '(did you mean "copies.count"?)'),
        (CONTROL + CONTROL, 'controls[1] (a).id: "a" is already the id of controls[0]'),
        (CONTROL + 'severety = "high"', "controls[0] (a).severety: unknown key"),
        (CONTROL + 'severity = "urgent"', "must be one of critical, high, medium, low"),
        (CONTROL + 'tiers = ["critcal"]', 'did you mean "critical"?'),
        (CONTROL.replace("verified", "certain"), "controls[0] (a).sure: must be one of verified, second-hand, memory, inference"),
        (
            CONTROL.replace("copies.count", "copies.independent") + 'issuer = { domains = ["coling"] }',
            "['coling'] is not allowed; write a list of at least one of building, power, cooling",
        ),
        (CONTROL.replace("copies.count", "copies.independent") + 'issuer = { domains = ["coling"] }', '(did you mean "cooling"?)'),
        (CONTROL.replace("copies.count", "copies.independent") + "issuer = { domains = [] }", "[] is not allowed"),
        (CONTROL.replace("copies.count", "backup.recency") + 'issuer = { max_age = "1 day" }', "'1 day' is not a duration"),
        (CONTROL.replace("copies.count", "backup.recency") + "issuer = { max_age = 24 }", '24 is not allowed; write a duration such as "24h"'),
        (CONTROL.replace("copies.count", "backup.recency") + 'issuer = { objective = "rto" }', "write one of schedule, rpo"),
        (
            CONTROL.replace("copies.count", "integrity.checksums") + "ours = { max_bad_rate = 1 }",
            "1 is not allowed; write a share of at least 0 and below 1, such as 0.01",
        ),
        (CONTROL.replace("copies.count", "integrity.checksums") + "ours = { max_bad_rate = -0.1 }", "-0.1 is not allowed; write a share"),
        (CONTROL.replace("copies.count", "integrity.checksums") + "ours = { max_bad_rate = nan }", "nan is not allowed; write a share"),
        (CONTROL.replace("copies.count", "integrity.checksums") + "ours = { max_bad_rate = true }", "True is not allowed; write a share"),
        (CONTROL.replace("copies.count", "integrity.checksums") + 'ours = { max_bad_rate = "1%" }', "'1%' is not allowed; write a share"),
        (CONTROL.replace("copies.count", "coverage.systems") + "issuer = { minimum = 1 }", "has no such parameter; it has none"),
        ("", "controls: is missing"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, EVERY_CHECK + text)


def test_every_problem_of_a_file_is_said_at_once(tmp_path: Path) -> None:
    text = EVERY_CHECK.replace('country = "GB"', 'country = "UK"') + CONTROL + "issuer = { minimm = 3 }" + CONTROL.replace("copies.count", "nothing")
    said = refused(tmp_path, text)
    assert len(said.splitlines()) == 4
    for part in ("country", "minimm", "controls[1] (a).id", "controls[1] (a).check"):
        assert part in said


def test_the_form_of_another_version_is_refused(tmp_path: Path) -> None:
    assert "schema" in refused(tmp_path, EVERY_CHECK.replace("policy/1", "policy/2") + CONTROL)


def test_a_missing_pack_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'no pack has the id "uk-caf-b6"; known: drcheck-self, uk-caf-b5, .*\(did you mean "uk-caf-b5"\?\)'):
        load_pack("uk-caf-b6")
    with pytest.raises(ConfigError, match="there is no such file; expected a pack file"):
        load_pack("./none.toml", base=tmp_path)


def test_the_packs_of_an_estate_are_loaded_with_all_their_problems(tmp_path: Path) -> None:
    pack_of(tmp_path, {"copies.count": "{}"})
    place = estate({"policies": ["uk-caf-b5", "./pack.toml"]})
    place._file = tmp_path / "estate.toml"
    assert [pack.id for pack in load_packs(place)] == ["uk-caf-b5", "every-check"]
    assert [pack.id for pack in load_packs(place, ["uk-nhse-backup-policy"])] == ["uk-nhse-backup-policy"]
    with pytest.raises(ConfigError) as caught:
        load_packs(place, ["uk-caf-b7", "uk-caf-b5", "uk-caf-b5", "uk-caf-b8"])
    assert len(caught.value.problems) == 3
    wrong = estate({"policies": ["uk-caf-b5", "nothing"]})
    with pytest.raises(ConfigError, match=r"policies\[1\]: no pack has the id"):
        load_packs(wrong)


def test_a_share_is_read_as_one_and_shown_as_it_was_written(tmp_path: Path) -> None:
    for written, read, shown in (("0.01", 0.01, "0.01"), ("0", 0.0, "0"), ("5e-5", 5e-5, "5e-05")):
        pack = pack_of(tmp_path, {"integrity.checksums": f"{{ max_bad_rate = {written} }}"})
        assert pack.controls[0].parameters["max_bad_rate"] == read
        assert dict(pack.controls[0].our_parameters)["max_bad_rate"] == shown
    assert "max_bad_rate" not in dict(pack_of(tmp_path, {"integrity.checksums": "{}"}).controls[0].our_parameters)


def test_no_shipped_pack_lets_a_sample_pass() -> None:
    for pack in shipped_packs():
        for control in pack.controls:
            assert control.parameters.get("max_bad_rate") is None


def test_a_third_partys_check_that_is_not_installed_is_refused() -> None:
    with pytest.raises(ConfigError, match="no check is called"):
        check_named("tape.labels", ["drcheck-tape"])


def test_the_packs_that_ship_are_those_we_know_and_named_like_their_files() -> None:
    packs = shipped_packs()
    assert sorted(pack.id for pack in packs) == sorted(PACKS)
    for pack in packs:
        assert Path(pack.file).stem == pack.id
        assert pack.written.country == ("ZZ" if pack.id == "drcheck-self" else "GB")


@pytest.mark.parametrize("name", PACKS)
def test_a_shipped_pack_keeps_the_house_rules(name: str) -> None:
    pack = load_pack(name)
    texts = [pack.written.title, pack.written.about, *(f"{one.written.title} {one.written.text} {one.written.because}" for one in pack.controls)]
    everything = " ".join(texts)
    assert "supports" in pack.written.about
    for match in re.finditer(r"\S+ \S+ certif\w+", everything):
        assert re.search(r"nothing|none|it certifies none", everything[max(0, match.start() - 40) : match.end() + 40], re.IGNORECASE), match[0]
    assert "compliant" not in everything
    assert '"' not in "".join(one.written.text for one in pack.controls), "the wording is ours: no quotations"
    for control in pack.controls:
        # A number of ours is never shown as the issuer's.
        assert not control.written.ours or control.written.because
        assert {name for name, _ in control.issuer_parameters} == set(control.written.issuer)
        assert not {name for name, _ in control.our_parameters} & set(control.written.issuer)


def test_the_description_prints_whether_production_was_counted() -> None:
    used = describe(load_pack("uk-nhse-backup-policy"))
    copies = next(control for control in used.controls if control.id == "NHSE-BP-1.copies")
    assert copies.issuer_parameters == (("minimum", "3"),)
    assert copies.our_parameters == (("production_counts", "yes"),)
    isolated = next(control for control in used.controls if control.id == "NHSE-BP-1.isolated")
    assert dict(isolated.issuer_parameters) == {"minimum": "1", "immutable_counts": "yes", "offsite_required": "yes"}
    assert used.digest.startswith("sha256:")


def test_packs_are_found_from_a_checkout_that_is_not_installed() -> None:
    """The package beside its `policies` folder, with no `drcheck_policies` to import: what a checkout on PYTHONPATH is."""
    root = Path(__file__).resolve().parents[2]
    block = "import sys; sys.modules['drcheck_policies'] = None; "
    script = block + "from drcheck.policy import shipped_packs; print(*sorted(pack.id for pack in shipped_packs()))"
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.split() == sorted(PACKS), done.stderr


def test_the_names_of_facts_are_the_engines() -> None:
    subjects = Subjects(estate(), facts(estate()))
    for kind, names in FACTS.items():
        assert set(subjects.known(subjects.of(kind)[0])) == set(names)
